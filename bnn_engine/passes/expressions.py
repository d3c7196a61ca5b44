"""Element-wise expressions of one tensor: where they begin, and what they can give."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Node, Value
from bnn_engine.passes.facts import channel_vector, uniform_value
from bnn_engine.passes.interval_rules import ELEMENTWISE, apply_rule
from bnn_engine.passes.intervals import Interval, point
from bnn_engine.passes.straight_through import cancelled, straight_through

__all__ = ["Expression", "expressions_of"]

# The longest activation known, a polynomial around Sign, has 26 nodes.
_MAX_NODES = 64


@dataclass(frozen=True)
class Expression:
    """``result`` as a function of the elements of ``root``, the same at every place of a channel.

    Attributes:
        root: the one tensor that it depends on.
        nodes: what computes it, in data flow order.
        result: the output of the last node; it has the shape of ``root``.
        constants: operands by id of their value: [1], or [C] along axis 1 of ``root``.
    """

    root: Value
    nodes: tuple[Node, ...]
    result: Value
    constants: Mapping[int, NDArray[Any]]

    @property
    def channels(self) -> int:
        """1, or the number of channels where constants vary along them."""
        return max((array.size for array in self.constants.values()), default=1)

    def signature(self) -> Hashable:
        """Return what equal functions have in common."""
        names: dict[int, Hashable] = {id(self.root): "x"}
        for key, array in self.constants.items():
            names[key] = (array.dtype.str, array.tobytes())
        steps = []
        for position, node in enumerate(self.nodes):
            inputs = tuple(None if v is None else names[id(v)] for v in node.inputs)
            attributes = tuple(sorted((k, repr(v)) for k, v in node.attributes.items()))
            steps.append((node.op_type, inputs, attributes))
            names[id(node.output)] = position
        return tuple(steps)

    def evaluate(self, x: Interval, channel: NDArray[np.int64]) -> Interval:
        """Return the interval of the result.

        Args:
            x: intervals of elements of ``root``, [M].
            channel: the channel each of them belongs to, [M].
        """
        known: dict[int, Interval] = {id(self.root): x}
        for key, array in self.constants.items():
            known[key] = point(array if array.size == 1 else array[channel])
        for node in self.nodes:
            inputs = [None if value is None else known[id(value)] for value in node.inputs]
            result = apply_rule(node, inputs)
            estimator = straight_through(node)
            if estimator is not None and id(estimator.a) in known:
                a, b = known[id(estimator.a)], known[id(estimator.b)]
                result = cancelled(estimator, a, b, x).otherwise(result)
            known[id(node.output)] = result
        return known[id(self.result)]


def expressions_of(result: Value, position: Mapping[int, int]) -> Iterator[Expression]:
    """Every tensor of which alone ``result`` is an element-wise function, the nearest one first.

    Args:
        result: what is computed.
        position: place of every node in the graph, by its id.
    """
    nodes: list[Node] = []
    open_values = {id(result): result}
    while open_values and len(nodes) < _MAX_NODES:
        last = max(open_values.values(), key=lambda v: _place(v, position))
        if len(open_values) == 1 and nodes:
            constants = _constants(last, nodes)
            if constants is None:
                return
            if last.dtype == np.float32:
                yield Expression(last, tuple(reversed(nodes)), result, constants)
        node = last.producer
        if node is None or not _is_elementwise(node):
            return
        del open_values[id(last)]
        nodes.append(node)
        for value in node.inputs:
            if value is not None and not _is_constant(value):
                open_values[id(value)] = value


def _place(value: Value, position: Mapping[int, int]) -> int:
    return -1 if value.producer is None else position.get(id(value.producer), -1)


def _is_elementwise(node: Node) -> bool:
    return not node.domain and node.op_type in ELEMENTWISE and len(node.outputs) == 1


def _is_constant(value: Value) -> bool:
    return value.const is not None or uniform_value(value) is not None


def _constants(root: Value, nodes: list[Node]) -> dict[int, NDArray[Any]] | None:
    """Every operand that is constant, None where one varies otherwise or enlarges the tensor."""
    constants: dict[int, NDArray[Any]] = {}
    computed = {id(node.output) for node in nodes} | {id(root)}
    for node in nodes:
        for value in node.inputs:
            if value is None or id(value) in computed or id(value) in constants:
                continue
            operand = _operand(value, root)
            if operand is None:
                return None
            constants[id(value)] = operand
    return constants


def _operand(value: Value, root: Value) -> NDArray[Any] | None:
    """A constant operand as one element per channel of ``root``, or one for all."""
    if value.const is not None:
        array = channel_vector(value.const, root.shape)
        if array is not None:
            if array.size == 0 or array.dtype.kind not in "biuf":
                return None
            return array[:1] if (array == array[:1]).all() else array
    number = uniform_value(value)
    if number is None or value.shape is None or root.shape is None:
        return None
    ones = len(value.shape) <= len(root.shape) and all(extent == 1 for extent in value.shape)
    if not ones and (value.shape != root.shape or None in root.shape):
        return None
    return np.full(1, number, value.dtype)
