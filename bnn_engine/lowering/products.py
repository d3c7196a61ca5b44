"""MatMul and Gemm: of constant weights, or of two tensors."""

from __future__ import annotations

from typing import cast

import numpy as np

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.dot_layers import FloatGemm
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish
from bnn_engine.lowering.native_op import (
    EpilogueSteps,
    NativeOp,
    data_input,
    float_epilogue,
    layer_name,
)

__all__ = ["Product"]


class Product(NativeOp):
    """``MatMul`` and ``Gemm``; a layer where the second operand is constant."""

    def __init__(self) -> None:
        self._layer = FloatGemm()

    def _is_layer(self, node: Node) -> bool:
        weights = node.input(1)
        return weights is not None and weights.const is not None

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if self._is_layer(node):
            return self._layer.decline(node)
        a, b = node.input(0), node.input(1)
        if a is None or b is None or a.const is not None:
            return "the first operand is constant"
        if (a.rank or 0) < 2 or (b.rank or 0) < 2:
            return "an operand is a vector"
        if node.op_type == "Gemm" and node.input(2) is not None and _factor(node, "beta") != 0:
            bias = node.inputs[2]
            assert bias is not None
            if bias.const is None or bias.const.size != 1 or bias.const.dtype != np.float32:
                return "the addend of a product of two tensors is not one number"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        if self._is_layer(node):
            self._layer.emit(node, graph, emitter)
            return
        name, b = layer_name(node), node.inputs[1]
        assert b is not None
        left, right = emitter.plain(data_input(node)), emitter.plain(b)
        transposed = node.op_type == "Gemm" and node.attributes.get("transB", 0) != 0
        if node.op_type == "Gemm" and node.attributes.get("transA", 0) != 0:
            left = emitter.builder.permute(name, left, [1, 0])
        step = emitter.builder.matmul(name, left, right, transposed)
        steps = _scaling(node) if node.op_type == "Gemm" else []
        if steps:
            step = emitter.builder.channel_arithmetic(name, step, float_epilogue(steps))
        finish(node, Located(step, "plain"), emitter)


def _factor(node: Node, name: str) -> float:
    return float(cast(float, node.attributes.get(name, 1.0)))


def _scaling(node: Node) -> EpilogueSteps:
    """alpha · product + beta · c of a Gemm, c a single number."""
    alpha, beta = _factor(node, "alpha"), _factor(node, "beta")
    steps: EpilogueSteps = []
    if alpha != 1:
        steps.append(("mul", np.full(1, alpha, np.float32)))
    addend = node.input(2)
    if addend is not None and addend.const is not None and beta != 0:
        number = addend.const.reshape(1).astype(np.float32, copy=False)
        steps.append(("add", number * np.float32(beta)))
    return steps
