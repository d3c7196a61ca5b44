"""MatMul and Gemm: layers of constant weights, or products of two tensors."""

from __future__ import annotations

from typing import cast

import numpy as np

from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.dot_layers import FloatGemm
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["Product"]


class Product(NativeOp):
    """``MatMul`` and ``Gemm``; a layer where constant weights and bias make one."""

    def __init__(self) -> None:
        self._layer = FloatGemm()

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if self._layer.decline(node) is None:
            return None
        for value in node.inputs[:2]:
            if value is None or value.rank is None or value.rank < 2:
                return "an operand is a vector"
            if value.dtype != np.float32:
                return "an operand is not float32"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        if self._layer.decline(node) is None:
            self._layer.emit(node, graph, emitter)
            return
        name, b = layer_name(node), node.inputs[1]
        assert b is not None
        left, right = _operand(data_input(node), emitter), _operand(b, emitter)
        gemm = node.op_type == "Gemm"
        if gemm and node.attributes.get("transA", 0) != 0:
            left = emitter.builder.permute(name, left, [1, 0])
        transposed = gemm and node.attributes.get("transB", 0) != 0
        step = emitter.builder.matmul(name, left, right, transposed)
        if gemm:
            step = _with_addend(node, step, emitter)
        finish(node, Located(step, "plain"), emitter, graph.reasons.get(node.output.name, ""))


def _operand(value: Value, emitter: Emitter) -> int:
    return emitter.plain(value) if value.const is None else emitter.constant(value.const)


def _with_addend(node: Node, product: int, emitter: Emitter) -> int:
    """alpha · product + beta · c of a Gemm."""
    name, binary = layer_name(node), emitter.builder.binary
    addend = node.input(2)
    alpha, beta = (cast(float, node.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    if alpha != 1:
        product = binary(name, "Mul", product, emitter.constant(np.full((), alpha, np.float32)))
    if addend is None or beta == 0:
        return product
    term = _operand(addend, emitter)
    if beta != 1:
        term = binary(name, "Mul", term, emitter.constant(np.full((), beta, np.float32)))
    return binary(name, "Add", product, term)
