"""Ops along one axis that compare, rank, mark or accumulate elements."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Set

import numpy as np

from bnn_engine.element_types import ALL_TYPES, NUMBERS, ElementType
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import constant_ints, element_of, finish, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["CumulativeSum", "Extreme", "OneHot", "TopK", "Trilu"]

_MAX_DEPTH = 1 << 31


class _AlongAxis(NativeOp):
    """An op along the axis that an attribute names."""

    types: Set[ElementType] = ALL_TYPES
    default_axis = -1

    def axis(self, node: Node) -> int | None:
        """The axis, None where it is not known."""
        axis = node.attributes.get("axis", self.default_axis)
        return axis if isinstance(axis, int) else None

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, axis = data_input(node).rank, self.axis(node)
        if not rank or axis is None or not -rank <= axis < rank:
            return f"axis {axis} of {rank} axes"
        return self.declined(node)

    @abstractmethod
    def declined(self, node: Node) -> str | None:
        """As :meth:`decline`, for what is not about the axis."""

    def plain_axis(self, node: Node) -> int:
        """The axis, not negative."""
        rank, axis = data_input(node).rank, self.axis(node)
        assert rank is not None
        assert axis is not None
        return axis % rank


class Extreme(_AlongAxis):
    """``ArgMax`` and ``ArgMin``."""

    default_axis = 0

    def declined(self, node: Node) -> str | None:
        """See :class:`_AlongAxis`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, keep = data_input(node), node.attributes.get("keepdims", 1) != 0
        located = stored(value, emitter)
        assert value.rank is not None
        if not keep and located.form != "plain":
            located = Located(emitter.plain(value), "plain")
        step = emitter.builder.extreme(
            layer_name(node),
            located.id,
            stored_axis(self.plain_axis(node), located, value.rank),
            node.op_type == "ArgMax",
            keep,
            node.attributes.get("select_last_index", 0) != 0,
        )
        finish(node, Located(step, located.form, element="i64"), emitter)


class TopK(_AlongAxis):
    """``TopK`` of a constant number of elements, always in order."""

    def declined(self, node: Node) -> str | None:
        """See :class:`_AlongAxis`."""
        count = constant_ints(node.input(1))
        if count is None or len(count) != 1 or count[0] < 0:
            return "the number of elements is not constant"
        return None if len(node.outputs) == 2 else "one result is omitted"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, count = data_input(node), constant_ints(node.input(1))
        assert count is not None
        step = emitter.builder.top_k(
            layer_name(node),
            emitter.plain(value),
            self.plain_axis(node),
            count[0],
            node.attributes.get("largest", 1) != 0,
        )
        emitter.place(node.outputs[1], Located(step + 1, "plain", element="i64"))
        finish(node, Located(step, "plain", element=element_of(value)), emitter)


class CumulativeSum(_AlongAxis):
    """``CumSum`` along a constant axis."""

    types = NUMBERS

    def axis(self, node: Node) -> int | None:
        """See :class:`_AlongAxis`."""
        axis = constant_ints(node.input(1))
        return axis[0] if axis is not None and len(axis) == 1 else None

    def declined(self, node: Node) -> str | None:
        """See :class:`_AlongAxis`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        step = emitter.builder.cumulative_sum(
            layer_name(node),
            emitter.plain(data_input(node)),
            self.plain_axis(node),
            node.attributes.get("exclusive", 0) != 0,
            node.attributes.get("reverse", 0) != 0,
        )
        finish(node, Located(step, "plain", element=element_of(node.output)), emitter)


class OneHot(NativeOp):
    """``OneHot`` of constant depth and values."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, axis = data_input(node).rank, node.attributes.get("axis", -1)
        if rank is None or not isinstance(axis, int) or not -rank - 1 <= axis <= rank:
            return f"axis {axis} in front of {rank} axes"
        depth, values = node.input(1), node.input(2)
        if depth is None or depth.const is None or depth.const.size != 1:
            return "the depth is not constant"
        if values is None or values.const is None or values.const.shape != (2,):
            return "the values are not two constants"
        size = float(depth.const.reshape(()))
        return None if 0 <= size < _MAX_DEPTH else f"depth {size}"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, axis = data_input(node), node.attributes.get("axis", -1)
        depth, values = node.inputs[1], node.inputs[2]
        assert isinstance(axis, int)
        assert value.rank is not None
        assert depth is not None
        assert depth.const is not None
        assert values is not None
        assert values.const is not None
        element = element_of(node.output)
        step = emitter.builder.one_hot(
            layer_name(node),
            emitter.plain(value),
            axis % (value.rank + 1),
            int(depth.const.reshape(())),
            element,
            *(np.asarray(entry).tobytes() for entry in values.const),
        )
        finish(node, Located(step, "plain", element=element), emitter)


class Trilu(NativeOp):
    """``Trilu`` from a constant diagonal on."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if (data_input(node).rank or 0) < 2:
            return "it is no matrix"
        diagonal = constant_ints(node.input(1))
        if node.input(1) is not None and (diagonal is None or len(diagonal) != 1):
            return "the diagonal is not constant"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        diagonal = constant_ints(node.input(1)) or [0]
        upper = node.attributes.get("upper", 1) != 0
        source = emitter.plain(data_input(node))
        step = emitter.builder.trilu(layer_name(node), source, upper, diagonal[0])
        finish(node, Located(step, "plain", element=element_of(node.output)), emitter)
