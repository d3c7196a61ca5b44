"""Pooling on channels-last floats and on bits."""

from __future__ import annotations

from bnn_engine import _core
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    NativeOp,
    data_input,
    fused_origins,
    layer_name,
    window_of,
)
from bnn_engine.lowering.plane_code import SIGNS
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["GlobalAveragePool", "Pool"]


def _emit(node: Node, step: int, bits: bool, emitter: Emitter) -> None:
    layer = LayerSummary(layer_name(node), node.op_type, fused=fused_origins(node, ()))
    emitter.finish_layer(node.output, Located(step, "channels_last", bits), layer, [node])


class Pool(NativeOp):
    """``MaxPool`` (floats or bits) and ``AveragePool``, 2-D."""

    def _window(self, node: Node) -> _core.Window | str:
        kernel = node.attributes.get("kernel_shape")
        if not isinstance(kernel, list) or len(kernel) != 2:
            return "only 2-D windows are native"
        pads = node.attributes.get("pads", [0] * 4)
        if isinstance(pads, list) and any(p >= kernel[axis % 2] for axis, p in enumerate(pads)):
            return "padding is not smaller than the window"
        return window_of(node, kernel)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).rank != 4:
            return "only 2-D pooling is native"
        if len(node.outputs) > 1:
            return "indices are asked for"
        window = self._window(node)
        return window if isinstance(window, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        window = self._window(node)
        assert not isinstance(window, str)
        name, value = layer_name(node), data_input(node)
        ceil_mode = node.attributes.get("ceil_mode", 0) != 0
        if node.op_type == "AveragePool":
            include = node.attributes.get("count_include_pad", 0) != 0
            source = emitter.channels_last(value)
            step = emitter.builder.average_pool(name, source, window, ceil_mode, include)
            _emit(node, step, False, emitter)
            return
        located = emitter.located(value)
        bits = located.bits and located.code == SIGNS
        source = located.id if bits else emitter.channels_last(value)
        step = emitter.builder.max_pool(name, source, window, ceil_mode)
        _emit(node, step, bits, emitter)


class GlobalAveragePool(NativeOp):
    """``GlobalAveragePool`` of an image."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None if data_input(node).rank == 4 else "only 2-D pooling is native"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        source = emitter.channels_last(data_input(node))
        step = emitter.builder.global_average_pool(layer_name(node), source)
        _emit(node, step, False, emitter)
