"""Normalization by statistics of the tensor itself."""

from __future__ import annotations

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
    """``LayerNormalization`` and ``RMSNormalization`` with constant scale and bias."""

    def _axis(self, node: Node) -> int | None:
        rank, axis = data_input(node).rank, node.attributes.get("axis", -1)
        if not rank or not isinstance(axis, int) or not -rank <= axis < rank:
            return None
        return axis % rank

    def _parameters(
        self, node: Node, axis: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None] | None:
        """Scale and bias of every element behind ``axis``."""
        shape = data_input(node).shape
        assert shape is not None
        extents = [extent for extent in shape[axis:] if isinstance(extent, int)]
        if len(extents) != len(shape) - axis:
            return None
        made: list[NDArray[np.float32] | None] = []
        for slot in (1, 2):
            value = node.input(slot)
            if value is None:
                made.append(None)
                continue
            array = value.const
            if array is None or array.dtype != np.float32 or array.ndim > len(extents):
                return None
            try:
                wide = np.broadcast_to(array, extents)
            except ValueError:
                return None
            made.append(np.ascontiguousarray(wide.reshape(-1), np.float32))
        scale, bias = made
        return None if scale is None or scale.size == 0 else (scale, bias)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if any(value.consumers for value in node.outputs[1:]) or len(node.outputs) > 1:
            return "its statistics are read"
        axis = self._axis(node)
        if axis is None:
            return f"axis {node.attributes.get('axis')}"
        if node.attributes.get("stash_type", 1) != 1:
            return "its statistics are not float32"
        return None if self._parameters(node, axis) else "scale and bias are not constant"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, axis = data_input(node), self._axis(node)
        assert axis is not None
        parameters = self._parameters(node, axis)
        assert parameters is not None
        assert value.rank is not None
        centered = node.op_type == "LayerNormalization"
        step = emitter.builder.normalize(
            layer_name(node),
            emitter.plain(value),
            axis,
            value.rank,
            1,
            _epsilon(node),
            centered,
            *parameters,
        )
        finish(node, Located(step, "plain"), emitter)


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
