"""Single layers as ONNX models: what ``bench_kernels.py`` measures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["ConvLayer", "DenseLayer", "Layer"]

# Opset 13 needs nothing newer, and IR 8 is read by every runtime of the last years.
_OPSET, _IR_VERSION = 13, 8


@dataclass(frozen=True)
class Layer(ABC):
    """A layer with seeded weights, float32 in and float32 out.

    Attributes:
        kind: "W1A1" binarizes its input (x >= 0 ? +1 : -1) and has ±1 weights, "W1A32" has ±1
            weights on float input, as first layers do, "float" has float weights.
    """

    kind: str

    @property
    @abstractmethod
    def name(self) -> str:
        """The layer in a word."""

    @property
    @abstractmethod
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""

    @property
    @abstractmethod
    def macs(self) -> int:
        """Multiply-accumulates per sample; taps that lie in the padding are no work."""

    @property
    def macs_with_padding(self) -> int:
        """Multiply-accumulates per sample if padding is computed as well, as many papers count."""
        return self.macs

    def weights(self) -> NDArray[np.float32]:
        """The weights, outputs first, as the ONNX operators have them."""
        generator = np.random.default_rng(7)
        _, shape, _ = self._op()
        if self.kind == "float":
            weights = generator.standard_normal(shape, dtype=np.float32)
            weights /= np.float32(math.sqrt(math.prod(shape[1:])))
            return weights
        signs = generator.integers(0, 2, shape, dtype=np.int8)
        return (1 - 2 * signs).astype(np.float32)

    def model(self) -> onnx.ModelProto:
        """The layer as a model whose first axis is the batch."""
        op_type, _, attributes = self._op()
        weights = self.weights()
        constants: dict[str, NDArray[np.float32]] = {"weights": weights}
        nodes, operand = [], "x"
        if self.kind == "W1A1":
            constants |= {
                name: np.array(number, np.float32)
                for name, number in (("zero", 0), ("plus", 1), ("minus", -1))
            }
            nodes = [
                helper.make_node("GreaterOrEqual", ["x", "zero"], ["is_plus"]),
                helper.make_node("Where", ["is_plus", "plus", "minus"], ["signs"]),
            ]
            operand = "signs"
        nodes.append(helper.make_node(op_type, [operand, "weights"], ["y"], **attributes))
        if self.order is not None:
            nodes[-1].output[0] = "sums"
            nodes.append(helper.make_node("Transpose", ["sums"], ["y"], perm=self.order))
        free = [f"d{axis}" for axis in range(1, len(self.row_shape) + 1)]
        graph = helper.make_graph(
            nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.row_shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", *free])],
            [numpy_helper.from_array(array, key) for key, array in constants.items()],
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)

    def answer(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The layer's output, by NumPy."""
        operand = np.where(x >= 0, np.float32(1), np.float32(-1)) if self.kind == "W1A1" else x
        y = self._product(operand, self.weights())
        return y if self.order is None else y.transpose(self.order)

    def inputs(self, batch: int) -> NDArray[np.float32]:
        """Normally distributed input for ``batch`` samples."""
        generator = np.random.default_rng(batch)
        return generator.standard_normal((batch, *self.row_shape), dtype=np.float32)

    @property
    def order(self) -> tuple[int, ...] | None:
        """How the axes of the sums are transposed, None where they are not."""
        return None

    @abstractmethod
    def _product(
        self, operand: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The operator, by NumPy."""

    @abstractmethod
    def _op(self) -> tuple[str, tuple[int, ...], dict[str, Any]]:
        """Op type, shape of the weights and attributes."""


@dataclass(frozen=True)
class DenseLayer(Layer):
    """[N, features] times [features, outputs]."""

    features: int
    outputs: int

    @property
    def name(self) -> str:
        """See :class:`Layer`."""
        return f"{self.kind}-dense-{self.features}x{self.outputs}"

    @property
    def row_shape(self) -> tuple[int, ...]:
        """See :class:`Layer`."""
        return (self.features,)

    @property
    def macs(self) -> int:
        """See :class:`Layer`."""
        return self.features * self.outputs

    def _product(
        self, operand: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        return operand @ weights.T

    def _op(self) -> tuple[str, tuple[int, ...], dict[str, Any]]:
        return "Gemm", (self.outputs, self.features), {"transB": 1}


@dataclass(frozen=True)
class ConvLayer(Layer):
    """Convolution of square images at stride 1, padded by zeros to the same size.

    Attributes:
        nhwc_output: a Transpose brings the channels to the end.
    """

    size: int
    channels: int
    outputs: int
    kernel: int = 3
    nhwc_output: bool = False

    @property
    def name(self) -> str:
        """See :class:`Layer`."""
        channels = (
            f"{self.channels}"
            if self.channels == self.outputs
            else (f"{self.channels}to{self.outputs}")
        )
        name = f"{self.kind}-conv{self.kernel}x{self.kernel}-{self.size}x{self.size}x{channels}"
        return f"{name}-nhwc" if self.nhwc_output else name

    @property
    def row_shape(self) -> tuple[int, ...]:
        """See :class:`Layer`."""
        return (self.channels, self.size, self.size)

    @property
    def macs(self) -> int:
        """See :class:`Layer`."""
        reach = self.kernel // 2
        taps = sum(min(self.size, at + reach + 1) - max(0, at - reach) for at in range(self.size))
        return taps**2 * self.channels * self.outputs

    @property
    def macs_with_padding(self) -> int:
        """See :class:`Layer`."""
        return (self.size * self.kernel) ** 2 * self.channels * self.outputs

    @property
    def order(self) -> tuple[int, ...] | None:
        """See :class:`Layer`."""
        return (0, 2, 3, 1) if self.nhwc_output else None

    def _product(
        self, operand: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        reach, window = self.kernel // 2, (self.kernel, self.kernel)
        padded = np.pad(operand, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(2, 3))
        sums = np.tensordot(windows, weights, axes=((1, 4, 5), (1, 2, 3)))
        return np.moveaxis(sums, -1, 1)

    def _op(self) -> tuple[str, tuple[int, ...], dict[str, Any]]:
        shape = (self.outputs, self.channels, self.kernel, self.kernel)
        return "Conv", shape, {"pads": [self.kernel // 2] * 4}
