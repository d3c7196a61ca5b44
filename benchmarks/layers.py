"""Single layers as ONNX models: what ``bench_kernels.py`` measures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

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

    def model(self) -> onnx.ModelProto:
        """The layer as a model whose first axis is the batch."""
        generator = np.random.default_rng(7)
        op_type, weight_shape, attributes = self._op()
        if self.kind == "float":
            weights = generator.standard_normal(weight_shape, dtype=np.float32)
            weights /= np.float32(math.sqrt(math.prod(weight_shape[1:])))
        else:
            signs = generator.integers(0, 2, weight_shape, dtype=np.int8)
            weights = (1 - 2 * signs).astype(np.float32)
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
        nodes.append(helper.make_node(op_type, [operand, "weights"], ["y"]))
        nodes[-1].attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )
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

    def inputs(self, batch: int) -> NDArray[np.float32]:
        """Normally distributed input for ``batch`` samples."""
        generator = np.random.default_rng(batch)
        return generator.standard_normal((batch, *self.row_shape), dtype=np.float32)

    @abstractmethod
    def _op(self) -> tuple[str, tuple[int, ...], dict[str, int | list[int]]]:
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

    def _op(self) -> tuple[str, tuple[int, ...], dict[str, int | list[int]]]:
        return "Gemm", (self.outputs, self.features), {"transB": 1}


@dataclass(frozen=True)
class ConvLayer(Layer):
    """Convolution of square images at stride 1, padded by zeros to the same size."""

    size: int
    channels: int
    outputs: int
    kernel: int = 3

    @property
    def name(self) -> str:
        """See :class:`Layer`."""
        channels = (
            f"{self.channels}"
            if self.channels == self.outputs
            else (f"{self.channels}to{self.outputs}")
        )
        return f"{self.kind}-conv{self.kernel}x{self.kernel}-{self.size}x{self.size}x{channels}"

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

    def _op(self) -> tuple[str, tuple[int, ...], dict[str, int | list[int]]]:
        shape = (self.outputs, self.channels, self.kernel, self.kernel)
        return "Conv", shape, {"pads": [self.kernel // 2] * 4}
