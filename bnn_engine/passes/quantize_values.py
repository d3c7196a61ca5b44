"""Arithmetic on the few values of a Quantize."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.graph.reference import node_function
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.facts import uniform_value

__all__ = ["QuantizeValues"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Match:
    chain: tuple[Node, ...]
    values: Floats


class QuantizeValues(Rewrite[_Match]):
    """f(Quantize(x; values)) → Quantize(x; f(values)), and two opposite values → Binarize.

    f is element-wise arithmetic with single numbers, so it is a function of one element, and the
    op's own arithmetic tells it for each of the values. NaN, where it passes, passes through f.
    Values -s and +s become Mul(Binarize(x), s), with -1 and +1 the Binarize alone: ±1 is what 1-bit
    layers read.
    """

    op_types = frozenset({"Quantize"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the arithmetic behind ``node`` that nobody else reads, and what it gives."""
        given = node.attributes["values"]
        assert isinstance(given, list)
        values = np.asarray(given, np.float32)
        chain = [node]
        while (reader := graph.single_consumer(chain[-1].output)) is not None:
            further = _apply(reader, chain[-1].output, values, graph.opset)
            if further is None:
                break
            chain.append(reader)
            values = further
        if len(chain) == 1 and not _are_opposite(values):
            return None
        return _Match(tuple(chain), values)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the new node in the place of the last one of the chain."""
        last, origins = match.chain[-1], merged_origins(*match.chain)
        x = node.inputs[0]
        assert x is not None
        outputs = last.outputs
        if not _are_opposite(match.values):
            attributes = dict(node.attributes)
            attributes["values"] = match.values.tolist()
            made = [Node("Quantize", list(node.inputs), outputs, attributes, node.name, DOMAIN)]
        else:
            made = _binarize(graph, node, x, match.values, outputs)
        for new in made:
            new.origins = origins
        graph.replace_node(last, made)
        for old in reversed(match.chain[:-1]):
            graph.remove(old)


def _apply(node: Node, value: Value, values: Floats, opset: int) -> Floats | None:
    """Return what ``node`` makes of ``values``; None if it does anything else than arithmetic."""
    if node.domain or node.op_type not in ("Add", "Div", "Mul", "Neg", "Sub"):
        return None
    if node.output.shape is None or node.output.shape != value.shape:
        return None
    operands = []
    for operand in node.inputs:
        number = None if operand is value else uniform_value(operand)
        if operand is not value and number is None:
            return None
        operands.append(values if number is None else np.asarray(number, np.float32))
    with np.errstate(all="ignore"):
        (result,) = node_function(node, opset)(operands)
    return np.asarray(result, np.float32) if np.isfinite(result).all() else None


def _are_opposite(values: Floats) -> bool:
    return values.size == 2 and bool(values[0] == -values[1]) and bool(values[0] != 0)


def _binarize(
    graph: Graph, node: Node, x: Value, values: Floats, outputs: list[Value]
) -> list[Node]:
    """Make Binarize, and Mul where the values are not ±1."""
    size, sign = abs(values[1]), float(np.sign(values[1]))
    bounds = []
    for bound in node.inputs[1:]:
        assert bound is not None
        assert bound.const is not None
        bounds.append(bound.const[0].reshape(-1))
    output = outputs[0]
    signs = [output if size == 1 else graph.value(f"{output.name}_signs", output.dtype, x.shape)]
    passes = bool(node.attributes["nan_passes"])
    made = [
        binarize_node(graph, x, bounds[0], bounds[1], sign, signs, node.name, nan_passes=passes)
    ]
    if size != 1:
        scale = graph.constant(f"{output.name}_scale", np.asarray(size, np.float32))
        made.append(Node("Mul", [signs[0], scale], outputs))
    return made
