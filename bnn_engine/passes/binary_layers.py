"""What the rewrites of dense layers and convolutions to weights of a few bits share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.ops import DOMAIN, choose_code, code_attributes, pack_levels, pack_signs
from bnn_engine.passes.base import Rewrite
from bnn_engine.passes.facts import per_channel_shape
from bnn_engine.passes.quantized_input import QuantizedInput, quantized_inputs, why_not_quantized
from bnn_engine.passes.real_taps import sums_over_real_taps
from bnn_engine.passes.weight_rows import WeightRows

__all__ = ["BinaryLayer", "BinaryLayerRewrite", "layer_input"]

_EXACT_INTEGERS = 1 << 24
"""Below it float32 holds every integer."""


@dataclass(frozen=True)
class BinaryLayer:
    """A layer y = x ∗ W + bias with W[o] = scale[o] · levels[o] + offset[o].

    Attributes:
        x: the input.
        quantized: the input as numbers on a grid, None where it is not known to be on one.
        weights: levels, scales and offsets per output channel.
        attributes: those of the new op that describe the layer.
        bias: what to add: [O], a value of the graph, or nothing.
    """

    x: Value
    quantized: QuantizedInput | None
    weights: WeightRows
    attributes: dict[str, Attribute]
    bias: NDArray[np.float32] | Value | None


def layer_input(
    x: Value, weights: WeightRows, attributes: dict[str, Attribute]
) -> QuantizedInput | str | None:
    """``x`` on its grid, None where ±1 weights meet floats, or why the layer has to stay."""
    inputs = quantized_inputs(x)
    one_group = attributes.get("group", 1) == 1
    if not inputs:
        signs = weights.are_signs() and weights.offset is None and one_group
        return None if signs else why_not_quantized(x)
    if choose_code(weights.distinct) is None:
        count = weights.distinct.size
        return f"weights have {count} levels, which do not fit into 4 bits"
    if weights.offset is not None and not one_group:
        return "weights with two levels that are not opposite, in groups"
    usable = (
        grid
        for grid in inputs
        if grid.grid.offset == 0 or _border(x, weights, attributes) is not None
    )
    first = next(usable, None)
    if first is None:
        return "the input has no level 0 for the padding of an image of unknown size"
    levels = first.grid.levels
    most = max(-levels[0], levels[-1]) * int(np.abs(weights.distinct).max())
    if most * math.prod(weights.levels.shape[1:]) >= _EXACT_INTEGERS:
        return "sums may leave the integers of float32"
    return first


def _border(
    x: Value, weights: WeightRows, attributes: dict[str, Attribute]
) -> NDArray[np.float32] | None:
    """What the layer gives for an input of ones; see :func:`sums_over_real_taps`."""
    along = (-1, *[1] * (weights.levels.ndim - 1))
    numbers = weights.levels * weights.scale.astype(np.float64).reshape(along)
    if weights.offset is not None:
        numbers = numbers + weights.offset.astype(np.float64).reshape(along)
    assert x.shape is not None
    return sums_over_real_taps(numbers, attributes, x.shape[2:])


class BinaryLayerRewrite(Rewrite[BinaryLayer]):
    """Base of the rewrites that turn float layers into sums of small integers.

    With W_o = α_o · L_o + β_o, L small integers, and x = f · (s · q + c), q small integers, both
    sides of

        Σ_k x_k · w_ok + b_o  =  α_o · f · s · Σ_k q_k · l_ok  +  β_o · f · s · Σ_k q_k
                                 + f · c · Σ_k w_ok  +  b_o

    are equal up to the rounding of float32; with α = f = s = 1 and β = c = 0 both are the same
    integers plus b_o. All sums run over the real taps of a window. The first one is an op of our
    domain: a binary one for q of −1, 0 and +1 and l of ±1, else a low-bit one; the second one is a
    layer of one output with weights of 1; the third one is a constant. Factors of 1 and terms of 0
    leave no node. Where x is not known to be on such a grid, l of ±1 leave the sum all the same.
    """

    op_name: str
    """The new op is "Binary", "LowBit" or, for other inputs, "BinaryWeight" + op_name."""

    def declined(self, graph: Graph, node: Node, reason: str) -> None:
        """Every layer that stays in float says why."""
        graph.reasons[node.output.name] = reason

    def rewrite(self, graph: Graph, node: Node, match: BinaryLayer) -> None:
        """Put the new ops, and where needed Mul and Add, in the place of the layer."""
        chain = _Chain(graph, node)
        sums = self._integers(chain, match, match.weights.levels, "sum")
        source = match.quantized
        factor = np.float64(1) if source is None else np.float64(source.factor * source.grid.scale)
        total = chain.times(sums, match.weights.scale * factor)
        if match.weights.offset is not None:
            ones = np.ones((1, *match.weights.levels.shape[1:]), np.int8)
            valid = self._integers(chain, match, ones, "inputs")
            total = chain.plus(total, chain.times(valid, match.weights.offset * factor))
        constant: NDArray[np.float32] | None = None
        if source is not None and source.grid.offset != 0:
            border = _border(match.x, match.weights, match.attributes)
            assert border is not None
            constant = chain.aligned(border * (source.factor * source.grid.offset))
        if isinstance(match.bias, Value):
            total = chain.plus(total, match.bias)
        elif match.bias is not None:
            bias = chain.aligned(match.bias)
            constant = bias if constant is None else constant + bias
        if constant is not None:
            total = chain.plus(total, graph.constant(f"{node.output.name}_bias", constant))
        chain.replace()

    def _integers(
        self, chain: _Chain, match: BinaryLayer, levels: NDArray[np.int8], suffix: str
    ) -> Value:
        """Sums of the input's integers times ``levels``, or of the input times ±1."""
        source = match.quantized
        attributes = dict(match.attributes)
        signs = bool((np.abs(levels) == 1).all())
        if source is None:
            made = chain.layer(
                "BinaryWeight" + self.op_name, match.x, pack_signs(levels), attributes, suffix
            )
            chain.graph.reasons[made.name] = why_not_quantized(match.x)
            return made
        grid = source.grid
        if signs and grid.scale == 1 and grid.offset == 0 and {-1, 0, 1}.issuperset(grid.levels):
            packed = pack_signs(levels)
            return chain.layer("Binary" + self.op_name, source.x, packed, attributes, suffix)
        code = choose_code(np.array([1]) if signs else match.weights.distinct)
        assert code is not None
        attributes |= {
            "input_scale": float(grid.scale),
            "input_offset": float(grid.offset),
            "levels": list(grid.levels),
            **code_attributes(code),
        }
        packed = pack_levels(levels, code)
        return chain.layer("LowBit" + self.op_name, source.x, packed, attributes, suffix)


class _Chain:
    """Nodes that take the place of one node."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self._node = node
        self._made: list[Node] = []

    def aligned(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """[O] laid along axis 1; anything else stays as it is."""
        if array.ndim != 1:
            return array
        return array.reshape(per_channel_shape(self._node.output.rank))

    def layer(
        self,
        op_type: str,
        x: Value,
        weights: NDArray[np.uint8],
        attributes: dict[str, Attribute],
        suffix: str,
    ) -> Value:
        """An op of our domain; ``weights`` have the outputs along the last axis but one."""
        output = self._node.output
        packed = self.graph.constant(f"{output.name}_{suffix}_bits", weights)
        outputs = weights.shape[-2]
        shape = None if output.shape is None else (output.shape[0], outputs, *output.shape[2:])
        made = self.graph.value(f"{output.name}_{suffix}", output.dtype, shape)
        return self._add(op_type, [x, packed], made, attributes, DOMAIN)

    def times(self, value: Value, factors: NDArray[np.float64]) -> Value:
        """``value`` times a factor per channel, itself where all are 1."""
        numbers = factors.astype(np.float32)
        if (numbers == 1).all():
            return value
        operand = self.graph.constant(f"{value.name}_scale", self.aligned(numbers))
        return self._arithmetic("Mul", value, operand)

    def plus(self, value: Value, addend: Value) -> Value:
        """``value`` plus what broadcasts to its shape."""
        return self._arithmetic("Add", value, addend)

    def replace(self) -> None:
        """Put the nodes in the place of the node; the last one gives its output."""
        last = self._made[-1]
        reason = self.graph.reasons.pop(last.output.name, None)
        last.outputs = [self._node.output]
        if reason is not None:
            self.graph.reasons[last.output.name] = reason
        self.graph.replace_node(self._node, self._made)

    def _arithmetic(self, op_type: str, value: Value, operand: Value) -> Value:
        output = self._node.output
        made = self.graph.value(f"{output.name}_{op_type.lower()}", output.dtype, output.shape)
        return self._add(op_type, [value, operand], made, {}, "")

    def _add(
        self,
        op_type: str,
        inputs: list[Value | None],
        made: Value,
        attributes: dict[str, Attribute],
        domain: str,
    ) -> Value:
        name = self._node.name if not self._made else ""
        self._made.append(
            Node(op_type, inputs, [made], attributes, name, domain, self._node.origins)
        )
        return made
