"""Binarize on its own: where no layer in front of it could take it into its epilogue."""

from __future__ import annotations

from dataclasses import replace

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.native_op import (
    NativeOp,
    data_input,
    fused_origins,
    interval_of,
    layer_name,
)
from bnn_engine.lowering.plane_code import SIGNS
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Binarize"]


class Binarize(NativeOp):
    """``Binarize``: float32, or 8-bit integers stored as such, to packed bits."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        if value.rank is None or not 2 <= value.rank <= 5:
            return "only [N, C] and images are packed"
        return None if interval_of(node, value) else "thresholds are not one constant per channel"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        interval = interval_of(node, value)
        assert interval is not None
        name = layer_name(node)
        if node.attributes.get("nan_passes", 0) == 0:
            located = emitter.binarized(name, value, interval.thresholds())
        else:
            words = (0, 1) if interval.inverted else (1, 0)
            inside = [replace(interval, inverted=False).thresholds()]
            located = emitter.quantized(name, value, inside, SIGNS, words, watch_nan=True)
            if emitter.keep_nan:
                located = emitter.with_nan(name, located, value)
        layer = LayerSummary(layer_name(node), node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])
