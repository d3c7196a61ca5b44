"""Binarize on its own: where no layer in front of it could take it into its epilogue."""

from __future__ import annotations

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    NativeOp,
    data_input,
    fused_origins,
    layer_name,
    thresholds_of,
)
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Binarize"]


class Binarize(NativeOp):
    """``Binarize``: float32, or 8-bit integers stored as such, to packed bits."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        if value.rank not in (2, 4):
            return "only [N, C] and [N, C, H, W] are packed"
        return None if thresholds_of(node, value) else "thresholds are not one constant per channel"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        thresholds = thresholds_of(node, value)
        assert thresholds is not None
        step = emitter.builder.binarize(layer_name(node), emitter.row_numbers(value).id, thresholds)
        located = Located(step, "channels_last" if value.rank == 4 else "plain", bits=True)
        layer = LayerSummary(layer_name(node), node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])
