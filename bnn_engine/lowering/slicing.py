"""Slice, Split, Expand, Tile: elements picked axis by axis."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from bnn_engine import _core
from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.forms import axes_of, constant_ints, finish, pick
from bnn_engine.lowering.native_op import NativeOp, data_input

__all__ = ["Expand", "Indices", "Picking", "Slice", "Split", "Tile"]

_MAX_POSITIONS = 1 << 24

Indices = list[_core.AxisIndex | None]


class Picking(NativeOp):
    """An op whose result is picked along the axes of its input."""

    types = ALL_TYPES

    @abstractmethod
    def indices(self, node: Node) -> Indices | str:
        """What is picked along every axis, or why that is not known."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        indices = self.indices(node)
        return indices if isinstance(indices, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        indices = self.indices(node)
        assert not isinstance(indices, str)
        finish(node, pick(node, data_input(node), indices, emitter), emitter)


class Slice(Picking):
    """``Slice`` with constant starts, ends, axes and steps."""

    def indices(self, node: Node) -> Indices | str:
        """See :class:`Picking`."""
        rank = data_input(node).rank
        starts, ends = constant_ints(node.input(1)), constant_ints(node.input(2))
        if not rank or starts is None or ends is None or len(starts) != len(ends):
            return "starts and ends are not constant"
        axes = axes_of(node, 3, rank)
        if node.input(3) is None:
            axes = list(range(len(starts)))
        steps = [1] * len(starts) if node.input(4) is None else constant_ints(node.input(4))
        if axes is None or steps is None:
            return "axes or steps are not constant"
        if len(axes) != len(starts) or len(steps) != len(starts) or len(axes) > rank or 0 in steps:
            return "axes, steps, starts and ends do not fit each other"
        indices: Indices = [None] * rank
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            indices[axis] = _core.AxisIndex.slice(start, end, step)
        return indices


class Split(NativeOp):
    """``Split`` into parts of known extents: one slice each."""

    types = ALL_TYPES

    def _sizes(self, node: Node, axis: int) -> list[int] | None:
        sizes: list[int] = []
        for value in node.outputs:
            size = None if value.shape is None else value.shape[axis]
            if not isinstance(size, int):
                return None
            sizes.append(size)
        given = constant_ints(node.input(1))
        return None if given is not None and given != sizes else sizes

    def _axis(self, node: Node) -> int | None:
        rank, axis = data_input(node).rank, node.attributes.get("axis", 0)
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return None
        return axis % rank

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        axis = self._axis(node)
        if axis is None:
            return f"axis {node.attributes.get('axis')}"
        return None if self._sizes(node, axis) is not None else "the parts are of unknown size"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        axis, value = self._axis(node), data_input(node)
        assert axis is not None
        sizes = self._sizes(node, axis)
        assert sizes is not None
        assert value.rank is not None
        first, start = None, 0
        for output, size in zip(node.outputs, sizes, strict=True):
            indices: Indices = [None] * value.rank
            indices[axis] = _core.AxisIndex.slice(start, start + size, 1)
            located = pick(node, value, indices, emitter, name=output.name)
            emitter.place(output, located)
            first = located if first is None else first
            start += size
        assert first is not None
        finish(node, first, emitter)


def _repeated(value: Value, counts: list[int], *, whole: bool) -> Indices | str:
    """Every axis repeated as often as ``counts`` says: all of it, or its one element."""
    indices: Indices = []
    assert value.shape is not None
    for extent, count in zip(value.shape, counts, strict=True):
        if count == 1:
            indices.append(None)
            continue
        if not isinstance(extent, int):
            return "an axis of unknown extent is repeated"
        if not whole and extent not in (1, count):
            return f"an axis of extent {extent} cannot become one of {count}"
        if not whole and extent == count:
            indices.append(None)
            continue
        if count < 0 or extent * count > _MAX_POSITIONS:
            return f"an axis of extent {extent} is repeated {count} times"
        indices.append(_core.AxisIndex.list(extent, np.tile(np.arange(extent), count)))
    return indices


class Tile(Picking):
    """``Tile`` by constant counts."""

    def indices(self, node: Node) -> Indices | str:
        """See :class:`Picking`."""
        value, counts = data_input(node), constant_ints(node.input(1))
        if not value.rank or counts is None or len(counts) != value.rank:
            return "the repetitions are not constant"
        return _repeated(value, counts, whole=True)


class Expand(Picking):
    """``Expand`` to a constant shape of at most as many axes as the tensor has."""

    def indices(self, node: Node) -> Indices | str:
        """See :class:`Picking`."""
        value, shape = data_input(node), constant_ints(node.input(1))
        if not value.rank or shape is None:
            return "the shape is not constant"
        if len(shape) > value.rank:
            return "axes are added in front"
        counts = [1] * (value.rank - len(shape)) + shape
        return _repeated(value, counts, whole=False)
