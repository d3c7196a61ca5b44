"""Concat."""

from __future__ import annotations

from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import channels_of
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish, stored_axis
from bnn_engine.lowering.native_op import NativeOp, layer_name

__all__ = ["Concat"]

_WORD_BITS = 64


class Concat(NativeOp):
    """``Concat``: of packed signs where words fit together, else of floats."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, axis = node.output.rank, node.attributes.get("axis")
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return f"axis {axis} of {rank} axes"
        if any(value is None or value.const is not None for value in node.inputs):
            return "a constant is joined"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        values = [value for value in node.inputs if value is not None]
        axis, rank = node.attributes["axis"], node.output.rank
        assert isinstance(axis, int)
        assert rank is not None
        axis %= rank
        parts = [emitter.located(value) for value in values]
        first = parts[0]
        if _fit_as_bits(values, parts, axis):
            ids = [part.id for part in parts]
            made = Located(0, "channels_last", bits=True, ternary=first.ternary)
        elif rank == 4 and any(part.form == "channels_last" for part in parts):
            ids = [emitter.rows(value) for value in values]
            made = Located(0, "channels_last")
        else:
            ids = [emitter.plain(value) for value in values]
            made = Located(0, "plain")
        step = emitter.builder.concat(layer_name(node), ids, stored_axis(axis, made, rank))
        finish(node, Located(step, made.form, made.bits, made.ternary), emitter)


def _fit_as_bits(values: list[Value], parts: list[Located], axis: int) -> bool:
    """Whether all are packed images of one kind whose joint channels fill whole words."""
    kinds = {(part.form, part.bits, part.ternary) for part in parts}
    if len(kinds) > 1 or not parts[0].bits or parts[0].form != "channels_last" or axis == 0:
        return False
    if axis != 1:
        return True
    channels = [channels_of(value) for value in values[:-1]]
    return all(count is not None and count % _WORD_BITS == 0 for count in channels)
