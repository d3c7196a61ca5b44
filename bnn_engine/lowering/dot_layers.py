"""Dense and convolution layers on floats, with the arithmetic or thresholds that follow them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import ChannelSteps
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.layer_tail import finish_layer, layer_tail, pixels
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name, window_of
from bnn_engine.lowering.planar_images import planar_image

__all__ = ["FloatConv", "FloatGemm"]


def _bias(constant: Value | None, outputs: int, factor: float = 1.0) -> ChannelSteps | None:
    """An optional bias as epilogue steps; None where it is not one constant per output."""
    if constant is None:
        return []
    array = constant.const
    if array is None or array.dtype != np.float32 or array.shape[:-1] != (1,) * (array.ndim - 1):
        return None
    if array.size not in (1, outputs) or array.ndim > 2:
        return None
    bias = array.reshape(-1).astype(np.float32, copy=False)
    return [("add", bias if factor == 1.0 else bias * np.float32(factor))]


class FloatGemm(NativeOp):
    """``Gemm`` and ``MatMul`` with constant float weights."""

    def _weights(self, node: Node) -> NDArray[np.float32] | str:
        """[outputs, K], scaled by Gemm's alpha; or why the layer is not native."""
        value = node.input(1)
        if value is None or value.const is None:
            return "the second operand is not constant"
        matrix = value.const
        if matrix.dtype != np.float32 or matrix.ndim != 2:
            return "the weights are not a float32 matrix"
        if 0 in matrix.shape:
            return "the weights are empty"
        if node.op_type == "MatMul":
            return np.ascontiguousarray(matrix.T, np.float32)
        if node.attributes.get("transA", 0) != 0:
            return "the input is transposed"
        rows: NDArray[Any] = matrix if node.attributes.get("transB", 0) != 0 else matrix.T
        alpha = node.attributes.get("alpha", 1.0)
        assert isinstance(alpha, float)
        with np.errstate(all="ignore"):
            scaled = rows if alpha == 1.0 else rows * np.float32(alpha)
        return np.ascontiguousarray(scaled, np.float32)

    def _bias(self, node: Node, outputs: int) -> ChannelSteps | None:
        beta = node.attributes.get("beta", 1.0)
        assert isinstance(beta, float)
        return _bias(node.input(2) if beta != 0 else None, outputs, beta)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank = data_input(node).rank
        if rank is None or rank < 2 or (node.op_type == "Gemm" and rank != 2):
            return "the input is not a matrix"
        matrix = self._weights(node)
        if isinstance(matrix, str):
            return matrix
        features = (data_input(node).shape or (None,))[-1]
        if isinstance(features, int) and features != matrix.shape[1]:
            return f"weights have {matrix.shape[1]} features, the input has {features}"
        if self._bias(node, matrix.shape[0]) is None:
            return "the bias is not one constant per output"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        matrix = self._weights(node)
        assert not isinstance(matrix, str)
        outputs, features = matrix.shape
        bias = self._bias(node, outputs) or []
        tail = layer_tail(node, outputs, bias, graph, emitter, "plain")
        value = data_input(node)
        located = emitter.floats(value)
        source = located.id
        if located.image is not None:
            channels, height, width = located.image
            image = matrix.reshape(outputs, channels, height, width)
            matrix = np.ascontiguousarray(image.transpose(0, 2, 3, 1)).reshape(outputs, features)
        elif located.form == "channels_last":
            source = emitter.plain(value)
        step = emitter.builder.f32_dense(
            layer_name(node), source, matrix, outputs, features, tail.epilogue
        )
        finish_layer(node, tail, step, "float", outputs * features, graph, emitter)


class FloatConv(NativeOp):
    """``Conv`` with constant float weights, along 1 to 3 axes, any groups."""

    def _weights(self, node: Node) -> NDArray[np.float32] | str:
        """[outputs, C / groups, kernel], or why the layer is not native."""
        value = node.input(1)
        if value is None or value.const is None:
            return "the weights are not constant"
        if value.const.dtype != np.float32 or value.const.ndim != data_input(node).rank:
            return "the weights are not float32 filters of the input's rank"
        if 0 in value.const.shape:
            return "the weights are empty"
        return value.const.astype(np.float32, copy=False)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).rank not in (3, 4, 5):
            return "only convolutions along 1 to 3 axes are native"
        filters = self._weights(node)
        if isinstance(filters, str):
            return filters
        window = window_of(node, filters.shape[2:])
        if isinstance(window, str):
            return window
        if _bias(node.input(2), filters.shape[0]) is None:
            return "the bias is not one constant per output"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        filters = self._weights(node)
        assert not isinstance(filters, str)
        outputs, per_group, *kernel = filters.shape
        window = window_of(node, kernel)
        assert not isinstance(window, str)
        groups = node.attributes.get("group", 1)
        assert isinstance(groups, int)
        bias = _bias(node.input(2), outputs) or []
        tail = layer_tail(node, outputs, bias, graph, emitter, "channels_last", to_bits=groups == 1)
        length = math.prod(kernel) * per_group
        value = data_input(node)
        planar = planar_image(value, groups, emitter)
        rows = filters if planar is not None else np.moveaxis(filters, 1, -1)
        step = emitter.builder.f32_conv(
            layer_name(node),
            emitter.channels_last(value) if planar is None else planar,
            np.ascontiguousarray(rows).reshape(outputs, length),
            outputs,
            per_group * groups,
            groups,
            window,
            tail.epilogue,
            planar is not None,
        )
        macs = outputs * length * pixels(node.output)
        finish_layer(node, tail, step, "float", macs, graph, emitter)
