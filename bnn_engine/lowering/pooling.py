"""Pooling on channels-last floats and on bits."""

from __future__ import annotations

from dataclasses import replace

from bnn_engine import _core
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name, window_of

__all__ = ["GlobalPool", "Pool"]


class Pool(NativeOp):
    """``MaxPool`` (floats or bits), ``AveragePool`` and ``LpPool`` along 1 to 3 axes."""

    def _window(self, node: Node) -> _core.Window | str:
        rank, kernel = data_input(node).rank, node.attributes.get("kernel_shape")
        if rank not in (3, 4, 5) or not isinstance(kernel, list) or len(kernel) != rank - 2:
            return "only windows along 1 to 3 axes are native"
        pads = node.attributes.get("pads", [0] * (2 * len(kernel)))
        if isinstance(pads, list) and any(
            pad >= kernel[axis % len(kernel)] for axis, pad in enumerate(pads)
        ):
            return "padding is not smaller than the window"
        return window_of(node, kernel)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if len(node.outputs) > 1:
            return "indices are asked for"
        if node.op_type == "LpPool" and _order(node) is None:
            return f"a norm of order {node.attributes.get('p')}"
        window = self._window(node)
        return window if isinstance(window, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        window = self._window(node)
        assert not isinstance(window, str)
        name, value = layer_name(node), data_input(node)
        ceil_mode = node.attributes.get("ceil_mode", 0) != 0
        located = emitter.located(value)
        if node.op_type == "MaxPool" and located.bits and located.code.ascends():
            code = located.code.input_code()
            step = emitter.builder.max_pool_bits(name, located.id, window, ceil_mode, code)
            finish(node, replace(located, id=step), emitter)
            return
        source = emitter.channels_last(value)
        if node.op_type == "AveragePool":
            include = node.attributes.get("count_include_pad", 0) != 0
            step = emitter.builder.average_pool(name, source, window, ceil_mode, include)
        elif node.op_type == "LpPool":
            order = _order(node)
            assert order is not None
            step = emitter.builder.lp_pool(name, source, window, ceil_mode, order)
        else:
            step = emitter.builder.max_pool(name, source, window, ceil_mode)
        finish(node, Located(step, "channels_last"), emitter)


def _order(node: Node) -> int | None:
    """p of an LpPool."""
    p = node.attributes.get("p", 2)
    return p if isinstance(p, int) and 0 < p < 1 << 20 else None


class GlobalPool(NativeOp):
    """``GlobalAveragePool`` and ``GlobalMaxPool`` of an image."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank = data_input(node).rank
        return None if rank in (3, 4, 5) else f"an input of rank {rank} is no image"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        source, builder = emitter.channels_last(data_input(node)), emitter.builder
        mean = node.op_type == "GlobalAveragePool"
        pool = builder.global_average_pool if mean else builder.global_max_pool
        finish(node, Located(pool(layer_name(node), source), "channels_last"), emitter)
