"""Compiled core of bnn_engine: programs of packed and float layers."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ElementType = Literal[
    "f32", "f64", "f16", "bf16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"
]
Epilogue = FloatEpilogue | Thresholds | BitPlanes

MAX_EPILOGUE_STEPS: int

def active_isa() -> str: ...
def compiled_isas() -> list[str]: ...
def supported_isas() -> list[str]: ...
def cpu_features() -> list[str]: ...
def default_num_threads() -> int: ...

class Window:
    def __init__(
        self,
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
    ) -> None: ...

class AxisIndex:
    @staticmethod
    def keep() -> AxisIndex: ...
    @staticmethod
    def slice(first: int, last: int, step: int) -> AxisIndex: ...
    @staticmethod
    def pad(before: int, after: int) -> AxisIndex: ...
    @staticmethod
    def list(extent: int, positions: NDArray[np.int64]) -> AxisIndex: ...

class Thresholds:
    def __init__(
        self, lower: NDArray[np.float32], upper: NDArray[np.float32], inverted: bool
    ) -> None: ...

class BitPlanes:
    def __init__(
        self, node: str, levels: Sequence[Thresholds], codes: Sequence[int], planes: int
    ) -> None: ...

class InputCode:
    def __init__(
        self, digits: int = 0, zero: int = 0, odd: bool = False, ternary: bool = False
    ) -> None: ...

class WeightCode:
    def __init__(self, shifts: Sequence[int], constant: int, halved: bool) -> None: ...

class FloatEpilogue:
    def __init__(
        self,
        steps: Sequence[tuple[str, NDArray[np.float32] | int]],
        thresholds: Thresholds | None = ...,
        keep_floats: bool = ...,
    ) -> None: ...

class Program:
    def run(
        self,
        inputs: Sequence[NDArray[Any]],
        out: Sequence[NDArray[Any]] = ...,
    ) -> tuple[NDArray[Any], ...] | None: ...
    def run_plain(self, x: object) -> NDArray[Any] | None: ...
    def trim(self) -> None: ...
    def steps(self) -> list[tuple[int, str, str, int]]: ...

class ProgramBuilder:
    def __init__(self) -> None: ...
    def input(self, name: str, declared: Sequence[int], type: ElementType = "f32") -> int: ...
    def constant(self, array: NDArray[Any], type: ElementType) -> int: ...
    def cast(self, name: str, input: int, to: ElementType) -> int: ...
    def unary(
        self, name: str, function: str, input: int, parameters: Sequence[float] = ...
    ) -> int: ...
    def binary(self, name: str, function: str, a: int, b: int) -> int: ...
    def comparison(self, name: str, function: str, a: int, b: int) -> int: ...
    def where(self, name: str, condition: int, x: int, y: int) -> int: ...
    def xnor_dense(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint64],
        outputs: int,
        features: int,
        epilogue: Epilogue,
        input_code: InputCode,
        weight_code: WeightCode,
        pixels: int,
    ) -> int: ...
    def xnor_conv(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint64],
        outputs: int,
        channels: int,
        groups: int,
        window: Window,
        epilogue: Epilogue,
        input_code: InputCode,
        weight_code: WeightCode,
        channels_first: bool,
    ) -> int: ...
    def stores_channels_first(self, value: int) -> bool: ...
    def binary_weight_dense(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint8],
        outputs: int,
        features: int,
        epilogue: Epilogue,
    ) -> int: ...
    def binary_weight_conv(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint8],
        outputs: int,
        channels: int,
        window: Window,
        epilogue: Epilogue,
        planar: bool,
    ) -> int: ...
    def byte_dense(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint8],
        outputs: int,
        features: int,
        epilogue: Epilogue,
    ) -> int: ...
    def byte_conv(
        self,
        name: str,
        input: int,
        weights: NDArray[np.uint8],
        outputs: int,
        channels: int,
        window: Window,
        epilogue: Epilogue,
    ) -> int: ...
    def f32_dense(
        self,
        name: str,
        input: int,
        weights: NDArray[np.float32],
        outputs: int,
        features: int,
        epilogue: Epilogue,
    ) -> int: ...
    def f32_conv(
        self,
        name: str,
        input: int,
        weights: NDArray[np.float32],
        outputs: int,
        channels: int,
        groups: int,
        window: Window,
        epilogue: Epilogue,
        planar: bool,
    ) -> int: ...
    def binarize(self, name: str, input: int, thresholds: Thresholds) -> int: ...
    def pack_signs(self, name: str, input: int, planar: bool) -> int: ...
    def pad_bits(
        self,
        name: str,
        input: int,
        value: int,
        before: Sequence[int],
        after: Sequence[int],
        code: InputCode,
    ) -> int: ...
    def binarize_planar(self, name: str, input: int, thresholds: Thresholds) -> int: ...
    def bit_planes(
        self, name: str, input: int, planes: BitPlanes, planar: bool, watch_nan: bool
    ) -> int: ...
    def unpack(self, name: str, input: int) -> int: ...
    def unpack_planes(self, name: str, input: int, values: NDArray[np.float32]) -> int: ...
    def unpack_planar(self, name: str, input: int) -> int: ...
    def concat(self, name: str, inputs: Sequence[int], axis: int) -> int: ...
    def index_axes(
        self, name: str, input: int, axes: Sequence[AxisIndex], fill: bytes = b""
    ) -> int: ...
    def gather(self, name: str, data: int, indices: int, axis: int) -> int: ...
    def gather_elements(self, name: str, data: int, indices: int, axis: int) -> int: ...
    def gather_nd(self, name: str, data: int, indices: int, batch_axes: int) -> int: ...
    def extreme(
        self, name: str, input: int, axis: int, largest: bool, keep_axis: bool, last: bool
    ) -> int: ...
    def top_k(self, name: str, input: int, axis: int, count: int, largest: bool) -> int: ...
    def cumulative_sum(
        self, name: str, input: int, axis: int, exclusive: bool, reverse: bool
    ) -> int: ...
    def one_hot(
        self, name: str, input: int, axis: int, depth: int, type: str, off: bytes, on: bytes
    ) -> int: ...
    def trilu(self, name: str, input: int, upper: bool, diagonal: int) -> int: ...
    def reduce(
        self, name: str, input: int, operation: str, axes: Sequence[int], keep_axes: bool
    ) -> int: ...
    def normalize(
        self,
        name: str,
        input: int,
        channel_axis: int,
        inner_axis: int,
        groups: int,
        epsilon: float,
        centered: bool,
        scale: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
    ) -> int: ...
    def local_response(
        self,
        name: str,
        input: int,
        axis: int,
        size: int,
        alpha: float,
        beta: float,
        bias: float,
    ) -> int: ...
    def resample(
        self,
        name: str,
        input: int,
        axis: int,
        extent: int,
        positions: NDArray[np.int64],
        weights: NDArray[np.float32],
    ) -> int: ...
    def matmul(self, name: str, a: int, b: int, transpose_b: bool) -> int: ...
    def conv_transpose(
        self,
        name: str,
        input: int,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        channels: int,
        outputs: int,
        groups: int,
        window: Window,
        extra: Sequence[int],
    ) -> int: ...
    def max_pool(self, name: str, input: int, window: Window, ceil_mode: bool) -> int: ...
    def max_pool_bits(
        self, name: str, input: int, window: Window, ceil_mode: bool, code: InputCode
    ) -> int: ...
    def lp_pool(self, name: str, input: int, window: Window, ceil_mode: bool, p: int) -> int: ...
    def average_pool(
        self, name: str, input: int, window: Window, ceil_mode: bool, count_include_pad: bool
    ) -> int: ...
    def global_average_pool(self, name: str, input: int) -> int: ...
    def global_max_pool(self, name: str, input: int) -> int: ...
    def channel_arithmetic(self, name: str, input: int, steps: FloatEpilogue) -> int: ...
    def softmax(self, name: str, input: int, logarithm: bool, axis: int = -1) -> int: ...
    def hardmax(self, name: str, input: int, axis: int) -> int: ...
    def reshape(self, name: str, input: int, target: Sequence[int]) -> int: ...
    def permute(self, name: str, input: int, order: Sequence[int]) -> int: ...
    def finish(
        self, outputs: Sequence[int], rows_independent: bool, num_threads: int
    ) -> Program: ...
