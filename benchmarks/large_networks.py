"""Two networks for images of 224x224 in the ONNX that torch exports, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["LARGE_NETWORKS", "bi_real_18", "resnet_50"]

_STAGES = (64, 128, 256, 512)
_CLASSES = 1000


class _Builder:
    """Appends nodes to a graph; each method takes and returns names of tensors."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = f"/{op_type}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(op_type, inputs, [f"{name}_output"], name=name, **attributes)
        )
        return f"{name}_output"

    def constant(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, *shape: int) -> str:
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        # Made in double precision: single precision draws zeros, which have no sign.
        return self.constant((self._random.standard_normal(shape) * scale).astype(np.float32))

    def conv(self, x: str, weights: str, kernel: int, stride: int = 1) -> str:
        return self.node(
            "Conv",
            x,
            weights,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
        )

    def batch_norm(self, x: str, channels: int) -> str:
        parameters = (
            self._random.uniform(low, high, channels).astype(np.float32)
            for low, high in ((-1, 1), (-0.1, 0.1), (-0.1, 0.1), (0.5, 1.5))
        )
        return self.node("BatchNormalization", x, *map(self.constant, parameters))

    def stem(self) -> str:
        x = self.node(
            "Relu", self.batch_norm(self.conv("input", self.weights(64, 3, 7, 7), 7, 2), 64)
        )
        return self.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])

    def model(self, x: str, channels: int) -> onnx.ModelProto:
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        bias = self.constant(np.zeros(_CLASSES, np.float32))
        x = self.node("Gemm", x, self.weights(_CLASSES, channels), bias, transB=1)
        graph = helper.make_graph(
            self._nodes,
            "main_graph",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])],
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", _CLASSES])],
            self._constants,
        )
        imports = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def bi_real_18() -> onnx.ModelProto:
    """Bi-Real-18: latent weights with their binarization in the graph, as TorchScript leaves them.

    Activations are ``(sign(x) - clamp(x)).detach() + clamp(x)``, weights the same times the mean
    magnitude of their row.
    """
    build = _Builder()
    x, channels = build.stem(), 64
    low, high = (build.constant(np.array(v, np.float32)) for v in (-1, 1))

    def straight_through(binary: str, latent: str) -> str:
        clipped = build.node("Clip", latent, low, high)
        return build.node("Add", build.node("Sub", binary, clipped), clipped)

    for outputs in (width for width in _STAGES for _ in range(4)):
        stride = 2 if outputs != channels else 1
        latent = build.weights(outputs, channels, 3, 3)
        scale = build.node("Abs", latent)
        for axis in (3, 2, 1):
            scale = build.node("ReduceMean", scale, axes=[axis], keepdims=1)
        weights = straight_through(build.node("Mul", scale, build.node("Sign", latent)), latent)
        signs = straight_through(build.node("Sign", x), x)
        shortcut = x
        if stride == 2:
            shortcut = build.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
            shortcut = build.conv(shortcut, build.weights(outputs, channels, 1, 1), 1)
            shortcut = build.batch_norm(shortcut, outputs)
        x = build.batch_norm(build.conv(signs, weights, 3, stride), outputs)
        x, channels = build.node("Add", x, shortcut), outputs
    return build.model(x, channels)


def resnet_50() -> onnx.ModelProto:
    """ResNet50 in float, with BatchNorm as a node of its own."""
    build = _Builder()
    x, channels = build.stem(), 64

    def layer(x: str, inputs: int, outputs: int, kernel: int, stride: int = 1) -> str:
        weights = build.weights(outputs, inputs, kernel, kernel)
        return build.batch_norm(build.conv(x, weights, kernel, stride), outputs)

    for width, repeats in zip(_STAGES, (3, 4, 6, 3), strict=True):
        for position in range(repeats):
            stride = 2 if position == 0 and width > 64 else 1
            y = build.node("Relu", layer(x, channels, width, 1))
            y = build.node("Relu", layer(y, width, width, 3, stride))
            y = layer(y, width, 4 * width, 1)
            shortcut = layer(x, channels, 4 * width, 1, stride) if position == 0 else x
            x, channels = build.node("Relu", build.node("Add", y, shortcut)), 4 * width
    return build.model(x, channels)


LARGE_NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "Bi-Real-18": bi_real_18,
    "ResNet50": resnet_50,
}
