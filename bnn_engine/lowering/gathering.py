"""Gather and its kin: elements picked by indices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_engine import _core
from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import element_of, finish, pick, target_of
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name
from bnn_engine.lowering.slicing import Indices, Picking

__all__ = ["Gather", "GatherElements", "GatherNd"]

_FAR = 1 << 50
_MAX_POSITIONS = 1 << 24
_MAX_RANK = 8


class _GatherConstants(Picking):
    """``Gather`` of constant positions along an axis."""

    def indices(self, node: Node) -> Indices | str:
        """See :class:`Picking`."""
        value, positions = data_input(node), node.input(1)
        rank, axis = value.rank, node.attributes.get("axis", 0)
        if value.const is not None or positions is None or positions.const is None:
            return "the indices are not constant"
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return f"axis {axis}"
        axis %= rank
        if positions.const.ndim != 1 and target_of(value, node.output.shape) is None:
            return "the shape of the result is not known"
        assert value.shape is not None
        extent = value.shape[axis]
        numbers = positions.const.reshape(-1).astype(np.int64)
        indices: Indices = [None] * rank
        if numbers.size == 1:
            first = int(numbers[0])
            indices[axis] = _core.AxisIndex.slice(first, first + 1 if first != -1 else _FAR, 1)
            if isinstance(extent, int) and -extent <= first < extent:
                return indices
            return indices if not isinstance(extent, int) else f"index {first} of {extent}"
        if not isinstance(extent, int):
            return "positions of an axis of unknown extent"
        if numbers.size > _MAX_POSITIONS or not ((-extent <= numbers) & (numbers < extent)).all():
            return f"an index is outside the axis of extent {extent}"
        numbers = np.where(numbers < 0, numbers + extent, numbers)
        indices[axis] = _core.AxisIndex.list(extent, numbers)
        return indices

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        indices, value, positions = self.indices(node), data_input(node), node.inputs[1]
        assert not isinstance(indices, str)
        assert positions is not None
        if positions.rank == 1:
            super().emit(node, graph, emitter)
            return
        target = target_of(value, node.output.shape)
        assert target is not None
        picked = pick(node, value, indices, emitter, plain=True)
        step = emitter.builder.reshape(layer_name(node), picked.id, target)
        finish(node, replace(picked, id=step), emitter)


class _Lookup(NativeOp):
    """Indices that are known when they are looked up; data or indices may be constant."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        indices, rank = node.input(1), node.output.rank
        if indices is None or indices.rank is None or indices.dtype not in (np.int32, np.int64):
            return "the indices are not int32 or int64"
        if rank is None or rank > _MAX_RANK:
            return f"a result of rank {rank}"
        axis, axes = self.axis(node), data_input(node).rank
        if axes is None or axes > _MAX_RANK or not -axes <= axis < axes:
            return f"axis {axis} of {axes}"
        return None

    def axis(self, node: Node) -> int:
        """The attribute that names an axis."""
        axis = node.attributes.get("axis", 0)
        return axis if isinstance(axis, int) else _MAX_RANK

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        data, indices = data_input(node), node.inputs[1]
        assert indices is not None
        assert data.rank is not None
        operands = _operand(data, emitter), _operand(indices, emitter)
        step = self.look_up(node, *operands, self.axis(node) % data.rank, emitter)
        finish(node, Located(step, "plain", element=element_of(node.output)), emitter)

    def look_up(self, node: Node, data: int, indices: int, axis: int, emitter: Emitter) -> int:
        """Add the step."""
        return emitter.builder.gather(layer_name(node), data, indices, axis)


def _operand(value: Value, emitter: Emitter) -> int:
    return emitter.plain(value) if value.const is None else emitter.constant(value.const)


class Gather(NativeOp):
    """``Gather``."""

    types = ALL_TYPES

    def __init__(self) -> None:
        self._constants, self._lookup = _GatherConstants(), _Lookup()

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None if self._constants.decline(node) is None else self._lookup.decline(node)

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        by = self._lookup if self._constants.decline(node) else self._constants
        by.emit(node, graph, emitter)


class GatherElements(_Lookup):
    """``GatherElements``."""

    def look_up(self, node: Node, data: int, indices: int, axis: int, emitter: Emitter) -> int:
        """See :class:`_Lookup`."""
        return emitter.builder.gather_elements(layer_name(node), data, indices, axis)


class GatherNd(_Lookup):
    """``GatherND``."""

    def axis(self, node: Node) -> int:
        """See :class:`_Lookup`."""
        axes = node.attributes.get("batch_dims", 0)
        return axes if isinstance(axes, int) and axes >= 0 else _MAX_RANK

    def look_up(self, node: Node, data: int, indices: int, axis: int, emitter: Emitter) -> int:
        """See :class:`_Lookup`."""
        return emitter.builder.gather_nd(layer_name(node), data, indices, axis)
