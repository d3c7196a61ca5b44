"""What permuting the axes of its tensors means for a node.

For a permutation q of r axes, T_q(x) is x with axis q[i] at place i. A node is *permutable* when

    node(T_q(x), T_q(y), ...) = T_q(node'(x, y, ...))

for a node' that differs in attributes and constants only: it works element by element, or along
axes that are named by number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.batch_axis import ELEMENTWISE, REDUCTIONS

__all__ = ["Order", "absorb", "absorbs", "carried", "composed", "inverse", "permute_node"]

Order = tuple[int, ...]
"""A permutation of axes, as Transpose's ``perm``."""


def inverse(order: Order) -> Order:
    """The order with T_inverse(T_order(x)) = x; it maps an axis of x to its place in T_order(x)."""
    places = [0] * len(order)
    for place, axis in enumerate(order):
        places[axis] = place
    return tuple(places)


def composed(first: Order, second: Order) -> Order:
    """The order of T_second(T_first(x))."""
    return tuple(first[axis] for axis in second)


def carried(node: Node) -> tuple[int, ...] | None:
    """The inputs of a permutable node that are permuted with its outputs; None for other nodes."""
    rule = _RULES.get((node.domain, node.op_type))
    rank = node.output.rank
    if rule is None or node.captures or rank is None:
        return None
    if any(value.rank != rank for value in node.outputs):
        return None
    slots = rule.carried(node, rank)
    return slots or None


def permute_node(graph: Graph, node: Node, order: Order) -> None:
    """Turn ``node`` into node' of the module's equation; its carried inputs are not touched."""
    _RULES[node.domain, node.op_type].permute(graph, node, order)


class _Rule(ABC):
    """How nodes of some op types are permuted."""

    @abstractmethod
    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        """The inputs of ``node`` that are permuted, None where it is not permutable."""

    @abstractmethod
    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        """Change attributes and constants."""


def _variables(node: Node, rank: int) -> tuple[int, ...] | None:
    """Inputs that are no constants; None where one of them is not a scalar or of ``rank``."""
    slots = []
    for slot, value in enumerate(node.inputs):
        if value is None or value.const is not None or value.rank == 0:
            continue
        if value.rank != rank:
            return None
        slots.append(slot)
    return tuple(slots)


class _Elementwise(_Rule):
    """Operands are broadcast; a constant one is laid out along all axes and permuted."""

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        constants = [value.const for value in node.inputs if value is not None]
        if any(array is not None and array.ndim > rank for array in constants):
            return None
        return _variables(node, rank)

    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        for slot, value in enumerate(node.inputs):
            if value is None or value.const is None or value.const.size == 1:
                continue
            array = value.const
            full = array.reshape((1,) * (len(order) - array.ndim) + array.shape).transpose(order)
            while full.ndim and full.shape[0] == 1:
                full = full[0]
            graph.set_input(node, slot, _constant(graph, value, full))


class _UniformOperands(_Elementwise):
    """Element by element with constants that are the same for all elements."""

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        constants = [value.const for value in node.inputs[1:] if value is not None]
        if any(array is None or array.size != 1 for array in constants):
            return None
        return _variables(node, rank)


class _Quantize(_UniformOperands):
    """Bounds of shape [levels] are the same for all elements."""

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        constants = [value.const for value in node.inputs[1:] if value is not None]
        if any(array is None or array.ndim != 1 for array in constants):
            return None
        return _variables(node, rank)

    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        del graph, node, order


class _Axis(_Rule):
    """Along the axis that an attribute names; all variable inputs are permuted."""

    def __init__(self, default: int) -> None:
        self._default = default

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        constants = [
            value for value in node.inputs[1:] if value is not None and value.const is not None
        ]
        if node.op_type != "Concat" and any(value.rank not in (0, 1) for value in constants):
            return None
        if node.attributes.get("keepdims", 1) == 0:
            return None
        return _variables(node, rank)

    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        axis = node.attributes.get("axis", self._default)
        assert isinstance(axis, int)
        node.attributes["axis"] = inverse(order)[axis % len(order)]
        if node.op_type != "Concat":
            return
        for slot, value in enumerate(node.inputs):
            if value is not None and value.const is not None:
                graph.set_input(node, slot, _constant(graph, value, value.const.transpose(order)))


class _AxesInput(_Rule):
    """Along axes that the constant input ``slot`` lists, in the order of other constant inputs."""

    def __init__(self, slot: int, default: Callable[[Node], Sequence[int] | None]) -> None:
        self._slot = slot
        self._default = default

    def axes(self, node: Node) -> list[int] | None:
        value = node.input(self._slot)
        if value is None:
            found = self._default(node)
            return None if found is None else list(found)
        return None if value.const is None else [int(axis) for axis in value.const.reshape(-1)]

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        if self.axes(node) is None or node.attributes.get("keepdims", 1) == 0:
            return None
        return (0,) if node.inputs[0] is not None and node.inputs[0].rank == rank else None

    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        axes = self.axes(node)
        assert axes is not None
        places = inverse(order)
        moved = np.array([places[axis % len(order)] for axis in axes], np.int64)
        if moved.size:
            made = graph.constant(f"{node.output.name}_axes", moved)
            graph.set_input(node, self._slot, made)


class _PerAxis(_Rule):
    """The constant input ``slot`` has one entry per axis."""

    def __init__(self, slot: int) -> None:
        self._slot = slot

    def carried(self, node: Node, rank: int) -> tuple[int, ...] | None:
        entries, x = node.input(self._slot), node.inputs[0]
        if entries is None or entries.const is None or entries.const.shape != (rank,):
            return None
        return (0,) if x is not None and x.rank == rank else None

    def permute(self, graph: Graph, node: Node, order: Order) -> None:
        value = node.inputs[self._slot]
        assert value is not None
        assert value.const is not None
        graph.set_input(node, self._slot, _constant(graph, value, value.const[list(order)]))


def _constant(graph: Graph, value: Value, array: NDArray[np.generic]) -> Value:
    return graph.constant(f"{value.name}_permuted", np.ascontiguousarray(array))


def _first_axes(count_slot: int) -> Callable[[Node], Sequence[int] | None]:
    """Without a list of axes: the first ones, as many as input ``count_slot`` has entries."""

    def axes(node: Node) -> Sequence[int] | None:
        value = node.input(count_slot)
        return None if value is None or value.const is None else range(value.const.size)

    return axes


def _all_axes(node: Node) -> Sequence[int] | None:
    """Without a list of axes, a Pad has numbers for all of them."""
    return None if node.output.rank is None else range(node.output.rank)


def _no_axes(node: Node) -> Sequence[int] | None:
    """A reduction without axes is one over all of them, or none, in whatever order."""
    del node
    return ()


_ALONG_AXIS = {
    "Concat": 0,
    "Hardmax": -1,
    "LogSoftmax": -1,
    "LpNormalization": -1,
    "Softmax": -1,
    "Split": 0,
    "TopK": -1,
}

_ELEMENTWISE, _UNIFORM = _Elementwise(), _UniformOperands()

_RULES: dict[tuple[str, str], _Rule] = {
    **{("", op): _ELEMENTWISE for op in ELEMENTWISE},
    **{("", op): _Axis(default) for op, default in _ALONG_AXIS.items()},
    **{("", op): _AxesInput(1, _no_axes) for op in REDUCTIONS},
    ("", "ArgMax"): _Axis(0),
    ("", "ArgMin"): _Axis(0),
    ("", "DequantizeLinear"): _UNIFORM,
    ("", "Dropout"): _UNIFORM,
    ("", "Expand"): _PerAxis(1),
    ("", "Pad"): _AxesInput(3, _all_axes),
    ("", "QuantizeLinear"): _UNIFORM,
    ("", "Slice"): _AxesInput(3, _first_axes(1)),
    ("", "Tile"): _PerAxis(1),
    (DOMAIN, "Binarize"): _UNIFORM,
    (DOMAIN, "Quantize"): _Quantize(),
}

_REDUCING = frozenset({*REDUCTIONS, "Squeeze"})


def _dropped_axes(node: Node, rank: int) -> list[int] | None:
    """The axes that ``node`` removes, None for nodes that do not remove a constant set of them."""
    if node.domain or node.op_type not in _REDUCING:
        return None
    if node.op_type != "Squeeze" and node.attributes.get("keepdims", 1) != 0:
        return None
    value = node.input(1)
    if value is None or value.const is None or value.const.size == 0:
        return None
    return [int(axis) % rank for axis in value.const.reshape(-1)]


def absorbs(node: Node, slot: int, order: Order) -> bool:
    """Whether node(T_order(x)) = node'(x): the axes that are left stay in the same order."""
    axes = _dropped_axes(node, len(order)) if slot == 0 else None
    if axes is None:
        return False
    left = [axis for place, axis in enumerate(order) if place not in axes]
    return left == sorted(left)


def absorb(graph: Graph, node: Node, order: Order) -> None:
    """Make node' of ``node``, for which :func:`absorbs` holds."""
    axes = _dropped_axes(node, len(order))
    assert axes is not None
    moved = np.array(sorted(order[axis] for axis in axes), np.int64)
    graph.set_input(node, 1, graph.constant(f"{node.output.name}_axes", moved))
