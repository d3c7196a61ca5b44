"""Reductions over constant axes."""

from __future__ import annotations

import numpy as np

from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import axes_of, finish, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["Reduce"]


class Reduce(NativeOp):
    """``ReduceSum`` and its kin."""

    types = ALL_TYPES

    def _axes(self, node: Node) -> list[int] | None:
        rank = data_input(node).rank
        assert rank is not None
        axes = axes_of(node, 1, rank)
        if axes is None or axes:
            return axes
        # Without axes: none or all of them.
        return [] if node.attributes.get("noop_with_empty_axes", 0) != 0 else list(range(rank))

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).dtype == np.bool_ and node.op_type not in ("ReduceMax", "ReduceMin"):
            return "booleans are not added"
        return None if self._axes(node) is not None else "the axes are not constant"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        axes, value = self._axes(node), data_input(node)
        assert axes is not None
        assert value.rank is not None
        keep = node.attributes.get("keepdims", 1) != 0
        located = stored(value, emitter)
        left = [axis for axis in range(value.rank) if axis not in axes]
        places = [stored_axis(axis, located, value.rank) for axis in left]
        lines = located.form == "channels_last" and value.rank == 3
        if not keep and (lines or places != sorted(places)):
            located = Located(emitter.plain(value), "plain", element=located.element)
        order = sorted(stored_axis(axis, located, value.rank) for axis in axes)
        step = emitter.builder.reduce(layer_name(node), located.id, node.op_type, order, keep)
        form = located.form if keep else "plain"
        finish(node, Located(step, form, element=located.element), emitter)
