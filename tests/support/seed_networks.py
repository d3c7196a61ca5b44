"""The binarized seed networks as exporters write them, with random weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.support.onnx_models import Array, model_from_text, signs

__all__ = ["Example", "binary_cnn", "binary_mlp"]


@dataclass(frozen=True)
class Example:
    """A model and inputs for it."""

    model: onnx.ModelProto
    x: NDArray[np.float32]


def _layer(
    rng: np.random.Generator, constants: dict[str, Array], name: str, shape: tuple[int, ...]
) -> None:
    constants[f"{name}_w"] = signs(rng, shape)
    constants[f"{name}_b"] = rng.integers(-3, 4, shape[0]).astype(np.float32)


def _batch_norm(
    rng: np.random.Generator, constants: dict[str, Array], name: str, channels: int
) -> None:
    scale = rng.normal(0, 1, channels).astype(np.float32)
    scale[:2] = 0
    constants[f"{name}_s"] = scale
    constants[f"{name}_o"] = rng.normal(0, 1, channels).astype(np.float32)
    # Integer means and no offset put many sums exactly onto the threshold.
    constants[f"{name}_o"][2:5] = 0
    constants[f"{name}_m"] = rng.integers(-5, 6, channels).astype(np.float32)
    constants[f"{name}_v"] = rng.uniform(0.1, 30, channels).astype(np.float32)


_SIGN = """
    {y}_p = Greater({x}, zero)
    {y} = Where({y}_p, plus, minus)
"""
_CONSTANTS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "plus": np.ones(1, np.float32),
    "minus": -np.ones(1, np.float32),
}


def binary_mlp(seed: int, *, batch: str = "N") -> Example:
    """20-12-9-5 with BatchNormalization and comparisons."""
    rng = np.random.default_rng(seed)
    constants: dict[str, Array] = dict(_CONSTANTS)
    for name, shape in (("a", (12, 20)), ("b", (9, 12)), ("c", (5, 9))):
        _layer(rng, constants, name, shape)
    _batch_norm(rng, constants, "n", 12)
    _batch_norm(rng, constants, "k", 9)
    model = model_from_text(
        f"""g (float[{batch}, 20] x) => (float[{batch}, 5] y) {{
            a1 = Gemm<transB = 1>(x, a_w, a_b)
            a2 = BatchNormalization(a1, n_s, n_o, n_m, n_v)
            {_SIGN.format(x="a2", y="a3")}
            b1 = Gemm<transB = 1>(a3, b_w, b_b)
            b2 = BatchNormalization(b1, k_s, k_o, k_m, k_v)
            {_SIGN.format(x="b2", y="b3")}
            c1 = Gemm<transB = 1>(b3, c_w, c_b)
            y = LogSoftmax<axis = 1>(c1)
        }}""",
        constants,
        opset=17,
    )
    rows = 1 if batch == "1" else 33
    return Example(model, rng.integers(-9, 9, (rows, 20)).astype(np.float32))


def binary_cnn(seed: int, *, batch: str = "N") -> Example:
    """Two convolutions with pooling, then two dense layers."""
    rng = np.random.default_rng(seed)
    constants: dict[str, Array] = dict(_CONSTANTS)
    constants["image"] = np.array([-1, 1, 12, 12])
    for name, shape in (("a", (7, 1, 3, 3)), ("b", (6, 7, 3, 3)), ("c", (8, 24)), ("d", (4, 8))):
        _layer(rng, constants, name, shape)
    for name, channels in (("k", 7), ("l", 6), ("m", 8)):
        _batch_norm(rng, constants, name, channels)
    model = model_from_text(
        f"""g (float[{batch}, 144] x) => (float[{batch}, 4] y) {{
            a0 = Reshape(x, image)
            a1 = Conv<kernel_shape = [3, 3]>(a0, a_w, a_b)
            a2 = BatchNormalization(a1, k_s, k_o, k_m, k_v)
            {_SIGN.format(x="a2", y="a3")}
            a4 = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a3)
            b1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(a4, b_w, b_b)
            b2 = BatchNormalization(b1, l_s, l_o, l_m, l_v)
            {_SIGN.format(x="b2", y="b3")}
            b4 = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(b3)
            b5 = Flatten(b4)
            c1 = Gemm<transB = 1>(b5, c_w, c_b)
            c2 = BatchNormalization(c1, m_s, m_o, m_m, m_v)
            {_SIGN.format(x="c2", y="c3")}
            d1 = Gemm<transB = 1>(c3, d_w, d_b)
            y = LogSoftmax<axis = 1>(d1)
        }}""",
        constants,
        opset=17,
    )
    rows = 1 if batch == "1" else 9
    return Example(model, rng.integers(-9, 9, (rows, 144)).astype(np.float32))
