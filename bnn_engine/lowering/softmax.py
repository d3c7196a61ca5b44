"""Softmax, LogSoftmax and Hardmax along any axis."""

from __future__ import annotations

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["Softmax"]


class Softmax(NativeOp):
    """``Softmax``, ``LogSoftmax`` and ``Hardmax``."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, axis = data_input(node).rank, node.attributes.get("axis", -1)
        valid = bool(rank) and isinstance(axis, int) and -(rank or 0) <= axis < (rank or 0)
        return None if valid else f"axis {axis} of {rank} axes"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name = data_input(node), layer_name(node)
        axis, rank = node.attributes.get("axis", -1), value.rank
        assert isinstance(axis, int)
        assert rank is not None
        located = stored(value, emitter)
        place = stored_axis(axis % rank, located, rank)
        if node.op_type == "Hardmax":
            step = emitter.builder.hardmax(name, located.id, place)
        else:
            step = emitter.builder.softmax(name, located.id, node.op_type == "LogSoftmax", place)
        finish(node, Located(step, located.form), emitter)
