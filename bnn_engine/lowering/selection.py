"""Where the extreme elements along an axis lie."""

from __future__ import annotations

from bnn_engine.element_types import NUMBERS
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["ArgExtreme"]


class ArgExtreme(NativeOp):
    """``ArgMax`` and ``ArgMin``."""

    types = NUMBERS

    def _axis(self, node: Node) -> int | None:
        axis, rank = node.attributes.get("axis", 0), data_input(node).rank
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return None
        return axis % rank

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if self._axis(node) is None:
            return f"axis {node.attributes.get('axis', 0)}"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        axis, value = self._axis(node), data_input(node)
        assert axis is not None
        assert value.rank is not None
        keep = node.attributes.get("keepdims", 1) != 0
        located = stored(value, emitter)
        left = [other for other in range(value.rank) if other != axis]
        places = [stored_axis(other, located, value.rank) for other in left]
        if not keep and places != sorted(places):
            located = Located(emitter.plain(value), "plain", element=located.element)
        step = emitter.builder.arg_extreme(
            layer_name(node),
            located.id,
            node.op_type == "ArgMax",
            node.attributes.get("select_last_index", 0) != 0,
            stored_axis(axis, located, value.rank),
            keep,
        )
        finish(node, Located(step, located.form if keep else "plain", element="i64"), emitter)
