"""Concat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import channels_of
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import element_of, finish, stored_axis
from bnn_engine.lowering.native_op import NativeOp, layer_name

__all__ = ["Concat"]

_WORD_BITS = 64


class Concat(NativeOp):
    """``Concat``: of packed signs where words fit together, else of elements."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, axis = node.output.rank, node.attributes.get("axis")
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return f"axis {axis} of {rank} axes"
        if any(value is None or value.rank != rank for value in node.inputs):
            return "parts of different rank"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        values = [value for value in node.inputs if value is not None]
        axis, rank = node.attributes["axis"], node.output.rank
        assert isinstance(axis, int)
        assert rank is not None
        axis %= rank
        parts = [emitter.located(value) for value in values if value.const is None]
        if len(parts) == len(values) and _fit_as_bits(values, parts, axis):
            made, ids = parts[0], [part.id for part in parts]
        else:
            last = rank in (3, 4, 5) and any(part.form == "channels_last" for part in parts)
            made = Located(
                -1, "channels_last" if last else "plain", element=element_of(node.output)
            )
            ids = [_part(value, made, emitter) for value in values]
        step = emitter.builder.concat(layer_name(node), ids, stored_axis(axis, made, rank))
        finish(node, replace(made, id=step), emitter)


def _part(value: Value, like: Located, emitter: Emitter) -> int:
    """``value`` as elements, stored as ``like`` is."""
    last = like.form == "channels_last"
    if value.const is None:
        return emitter.channels_last(value) if last else emitter.plain(value)
    array = value.const
    if last:
        array = np.moveaxis(array, 1, -1)
        array = array[:, np.newaxis] if array.ndim == 3 else array
    return emitter.constant(np.ascontiguousarray(array))


def _fit_as_bits(values: list[Value], parts: list[Located], axis: int) -> bool:
    """Whether all are packed images of one kind whose joint channels fill whole words."""
    kinds = {replace(part, id=-1) for part in parts}
    if len(kinds) > 1 or not parts[0].bits or parts[0].form != "channels_last" or axis == 0:
        return False
    if axis != 1:
        return True
    channels = [channels_of(value) for value in values[:-1]]
    return all(count is not None and count % _WORD_BITS == 0 for count in channels)
