"""Normalization by statistics of the tensor itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.channels import channels_of
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["GroupNormalization", "LayerNormalization", "LocalResponse"]


def _parameter(node: Node, slot: int, size: int) -> NDArray[np.float32] | None:
    """Constant input ``slot`` as [size], None where it is something else."""
    value = node.input(slot)
    if value is None or value.const is None or value.const.dtype != np.float32:
        return None
    if value.const.size != size:
        return None
    return np.ascontiguousarray(value.const.reshape(size), np.float32)


def _epsilon(node: Node) -> float:
    epsilon = node.attributes.get("epsilon", 1e-5)
    assert isinstance(epsilon, float)
    return epsilon


class GroupNormalization(NativeOp):
    """``GroupNormalization``, and ``InstanceNormalization``: every channel is a group."""

    def _groups(self, node: Node) -> int:
        if node.op_type == "InstanceNormalization":
            return channels_of(data_input(node)) or 0
        groups = node.attributes.get("num_groups", 0)
        return groups if isinstance(groups, int) else 0

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        channels, groups = channels_of(data_input(node)), self._groups(node)
        if not channels or groups < 1 or channels % groups != 0:
            return f"{groups} groups of {channels} channels"
        if _parameter(node, 1, channels) is None or _parameter(node, 2, channels) is None:
            return "scale and bias are not constant"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        channels = channels_of(value)
        assert channels is not None
        scale, bias = _parameter(node, 1, channels), _parameter(node, 2, channels)
        assert scale is not None
        groups, epsilon = self._groups(node), _epsilon(node)
        step = emitter.builder.normalize(
            layer_name(node), emitter.plain(value), 1, 2, groups, epsilon, True, scale, bias
        )
        finish(node, Located(step, "plain"), emitter)


class LayerNormalization(NativeOp):
    """``LayerNormalization`` and ``RMSNormalization`` over axes of known extents."""

    def _axis(self, node: Node) -> int | None:
        rank, axis = data_input(node).rank, node.attributes.get("axis", -1)
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return None
        return axis % rank

    def _width(self, node: Node, axis: int) -> tuple[int, ...] | None:
        """The extents from ``axis`` on, None where one is not known."""
        shape = data_input(node).shape
        assert shape is not None
        extents = tuple(extent for extent in shape[axis:] if isinstance(extent, int))
        return extents if len(extents) == len(shape) - axis and 0 not in extents else None

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if len(node.outputs) > 1:
            return "its statistics are read"
        axis = self._axis(node)
        if axis is None:
            return f"axis {node.attributes.get('axis')}"
        if node.attributes.get("stash_type", 1) != 1:
            return "its statistics are not float32"
        extents = self._width(node, axis)
        if extents is None:
            return "the extents that it normalizes are not known"
        for value in node.inputs[1:]:
            array = None if value is None else value.const
            if array is not None and (array.dtype != np.float32 or not _fits(array, extents)):
                return "scale or bias do not fit"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, axis, name = data_input(node), self._axis(node), layer_name(node)
        assert axis is not None
        assert value.rank is not None
        extents = self._width(node, axis)
        assert extents is not None
        scale, bias = node.input(1), node.input(2)
        # Parameters that are computed are applied by steps of their own.
        constant = all(p is None or p.const is not None for p in (scale, bias))
        wide = [
            np.ascontiguousarray(np.broadcast_to(p.const, extents).reshape(-1), np.float32)
            if constant and p is not None and p.const is not None
            else None
            for p in (scale, bias)
        ]
        ones = np.ones(math.prod(extents), np.float32)
        step = emitter.builder.normalize(
            name,
            emitter.plain(value),
            axis,
            value.rank,
            1,
            _epsilon(node),
            node.op_type == "LayerNormalization",
            ones if wide[0] is None else wide[0],
            wide[1],
        )
        if not constant:
            for function, operand in (("Mul", scale), ("Add", bias)):
                if operand is not None:
                    other = (
                        emitter.plain(operand)
                        if operand.const is None
                        else emitter.constant(operand.const)
                    )
                    step = emitter.builder.binary(name, function, step, other)
        finish(node, Located(step, "plain"), emitter)


def _fits(array: NDArray[np.generic], extents: tuple[int, ...]) -> bool:
    """Whether ``array`` is broadcast to ``extents`` without enlarging them."""
    padded = (1,) * (len(extents) - array.ndim) + array.shape
    return len(padded) == len(extents) and all(
        own in (1, extent) for own, extent in zip(padded, extents, strict=True)
    )


class LocalResponse(NativeOp):
    """``LRN``."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank, size = data_input(node).rank, node.attributes.get("size")
        if rank is None or rank < 2:
            return "there is no channel axis"
        return None if isinstance(size, int) and 0 < size < 1 << 20 else f"size {size}"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        located = stored(value, emitter)
        assert value.rank is not None
        defaults = {"size": 1, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
        numbers = [node.attributes.get(name, default) for name, default in defaults.items()]
        step = emitter.builder.local_response(
            layer_name(node),
            located.id,
            stored_axis(1, located, value.rank),
            *numbers,  # type: ignore[arg-type]
        )
        finish(node, Located(step, located.form), emitter)
