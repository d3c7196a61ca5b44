"""QuantizeLinear and DequantizeLinear as float arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.graph.protobuf import array_dtype, element_type
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["ExpandDequantize", "ExpandQuantize"]

_FLOAT32 = np.dtype(np.float32)

# Their differences are exact in float32.
_NARROW = frozenset(np.dtype(kind) for kind in (np.int8, np.uint8, np.int16, np.uint16))


@dataclass(frozen=True)
class _Operands:
    """What scale and zero point are reshaped to, and the type of the integers."""

    shape: tuple[int, ...]
    integer: np.dtype[Any]


def _operands(node: Node, integer: np.dtype[Any] | None) -> _Operands | Declined:
    x, scale = node.input(0), node.input(1)
    if x is None or scale is None or integer is None or scale.dtype != _FLOAT32:
        return Declined("the scale is no float32")
    if integer not in _NARROW:
        return Declined(f"the integers are {integer}")
    if node.attributes.get("block_size") or node.attributes.get("precision"):
        return Declined("scales of blocks, or another precision")
    if scale.rank == 0 or scale.shape == (1,):
        return _Operands((), integer)
    axis: Any = node.attributes.get("axis", 1)
    if scale.rank != 1 or x.rank is None or not -x.rank <= axis < x.rank:
        return Declined("the scale is no vector along an axis")
    axis %= x.rank
    return _Operands((-1, *[1] * (x.rank - axis - 1)), integer)


class _Expansion(Rewrite[_Operands]):
    """What both have in common: building chains of nodes."""

    def _aligned(
        self, graph: Graph, value: Value, shape: tuple[int, ...], made: list[Node]
    ) -> Value:
        """``value`` as float32, laid along its axis."""
        name = f"{value.name}_aligned"
        if value.const is not None:
            return graph.constant(name, value.const.astype(np.float32).reshape(shape))
        floats = self._float(graph, value, made)
        target = graph.constant(f"{name}_shape", np.array(shape, np.int64))
        rank: tuple[None, ...] = (None,) * len(shape)
        aligned = graph.value(name, _FLOAT32, rank if shape else ())
        made.append(Node("Reshape", [floats, target], [aligned]))
        return aligned

    def _float(self, graph: Graph, value: Value, made: list[Node]) -> Value:
        if value.dtype == _FLOAT32:
            return value
        floats = graph.value(f"{value.name}_float", _FLOAT32, value.shape)
        made.append(Node("Cast", [value], [floats], {"to": element_type(_FLOAT32)}))
        return floats


class ExpandQuantize(_Expansion):
    """QuantizeLinear(x, s, z) → Cast(Clip(Round(x / s) + z)), bounds those of the integers.

    Each step rounds as ONNX Runtime's one step does: the quotient to float32, then to the nearest
    even integer; sums of that and a zero point that lie within the bounds are exact.
    """

    op_types = frozenset({"QuantizeLinear"})

    def match(self, graph: Graph, node: Node) -> _Operands | Declined | None:
        """Return what the operands are; see :func:`_operands`."""
        del graph
        x, zero = node.input(0), node.input(2)
        if x is None or x.dtype != _FLOAT32:
            return Declined("the input is no float32")
        chosen: Any = node.attributes.get("output_dtype", 0)
        named = array_dtype(chosen) or np.dtype(np.uint8)
        return _operands(node, named if zero is None else zero.dtype)

    def rewrite(self, graph: Graph, node: Node, match: _Operands) -> None:
        """Replace the node."""
        x, scale, zero = node.inputs[0], node.inputs[1], node.input(2)
        assert x is not None
        assert scale is not None
        made: list[Node] = []
        name, shape = node.output.name, x.shape

        def step(op_type: str, *operands: Value) -> Value:
            value = graph.value(f"{name}_{op_type.lower()}", _FLOAT32, shape)
            made.append(Node(op_type, list(operands), [value], origins=node.origins))
            return value

        value = step("Round", step("Div", x, self._aligned(graph, scale, match.shape, made)))
        if zero is not None:
            value = step("Add", value, self._aligned(graph, zero, match.shape, made))
        bounds = np.iinfo(match.integer)
        low, high = (
            graph.constant(f"{name}_{end}", np.array(getattr(bounds, end), np.float32))
            for end in ("min", "max")
        )
        value = step("Clip", value, low, high)
        to: dict[str, Attribute] = {"to": element_type(match.integer)}
        made.append(Node("Cast", [value], [node.output], to, name=node.name, origins=node.origins))
        graph.replace_node(node, made)


class ExpandDequantize(_Expansion):
    """DequantizeLinear(x, s, z) → (Cast(x) - Cast(z)) · s.

    Differences of integers of 16 bits are exact in float32, so one product is rounded.
    """

    op_types = frozenset({"DequantizeLinear"})

    def match(self, graph: Graph, node: Node) -> _Operands | Declined | None:
        """Return what the operands are; see :func:`_operands`."""
        del graph
        x = node.input(0)
        return _operands(node, None if x is None else x.dtype)

    def rewrite(self, graph: Graph, node: Node, match: _Operands) -> None:
        """Replace the node."""
        x, scale, zero = node.inputs[0], node.inputs[1], node.input(2)
        assert x is not None
        assert scale is not None
        made: list[Node] = []
        value = self._float(graph, x, made)
        if zero is not None and (zero.const is None or zero.const.any()):
            difference = graph.value(f"{node.output.name}_difference", _FLOAT32, x.shape)
            aligned = self._aligned(graph, zero, match.shape, made)
            made.append(Node("Sub", [value, aligned], [difference], origins=node.origins))
            value = difference
        factor = self._aligned(graph, scale, match.shape, made)
        made.append(
            Node("Mul", [value, factor], [node.output], name=node.name, origins=node.origins)
        )
        graph.replace_node(node, made)
