"""Binarize on its own: where no layer in front of it could take it into its epilogue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_engine import _core
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    NativeOp,
    data_input,
    fused_origins,
    interval_of,
    layer_name,
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
        return None if interval_of(node, value) else "thresholds are not one constant per channel"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        interval = interval_of(node, value)
        assert interval is not None
        name = layer_name(node)
        located = emitter.binarized(name, value, interval.thresholds())
        if emitter.keep_nan and node.attributes.get("nan_passes", 0) != 0:
            located = _with_nan(name, located, value, emitter)
        layer = LayerSummary(layer_name(node), node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])


def _with_nan(name: str, signs: Located, value: Value, emitter: Emitter) -> Located:
    """Signs as floats, NaN where ``value`` is: adding it clipped to 0 changes nothing else."""
    builder, zero = emitter.builder, np.zeros(1, np.float32)
    clip = _core.FloatEpilogue([("max", zero), ("min", zero)])
    nan = builder.channel_arithmetic(name, emitter.rows(value), clip)
    step = builder.binary(name, "Add", builder.unpack(name, signs.id), nan)
    return replace(signs, id=step, bits=False)
