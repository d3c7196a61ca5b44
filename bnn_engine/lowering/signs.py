"""Sign."""

from __future__ import annotations

import numpy as np

from bnn_engine.element_types import NUMBERS
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.element_functions import ELEMENT_FUNCTIONS
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.native_op import NativeOp, data_input, fused_origins, layer_name
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Sign"]


class Sign(NativeOp):
    """``Sign``: bits where only binary layers read it, else numbers."""

    types = NUMBERS

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name = data_input(node), layer_name(node)
        rank = value.rank or 0
        bits = 2 <= rank <= 5 and value.dtype == np.float32 and not emitter.keep_nan
        if not bits or not _only_binary_layers_read(node.output, graph, emitter):
            ELEMENT_FUNCTIONS["Sign"].emit(node, graph, emitter)
            return
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, emitter.signs(name, value), layer, [node])


def _only_binary_layers_read(value: Value, graph: Graph, emitter: Emitter) -> bool:
    """True when every reader, behind what moves or pools bits, takes bits."""
    if graph.is_output(value):
        return False
    for node in value.consumers:
        if not emitter.owns(node):
            return False
        if (node.domain, node.op_type) in (
            ("bnn_engine", "BinaryConv"),
            ("bnn_engine", "BinaryGemm"),
            ("bnn_engine", "LowBitConv"),
            ("bnn_engine", "LowBitGemm"),
        ):
            continue
        keeps_bits = not node.domain and node.op_type in ("Concat", "Flatten", "MaxPool", "Pad")
        if not keeps_bits or not _only_binary_layers_read(node.output, graph, emitter):
            return False
    return True
