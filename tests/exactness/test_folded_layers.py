"""Layers whose sums ONNX Runtime itself rounds in some order: equal up to that rounding.

With BatchNorm folded into the weights, or a bias that is no integer in a long Gemm, which ONNX
Runtime adds inside its blocks of the sum, the float graph has no one right answer. Everything lies
within the bound for any order, and signs differ only where that bound holds 0.
"""

from __future__ import annotations

import numpy as np
import pytest

import bnn_engine
from tests.support import ort
from tests.support.bounds import Bounded, convolution, dense, exactly
from tests.support.onnx_models import Array, model_from_text, signs


def check(wanted: dict[str, Array], got: dict[str, Array], bounded: Bounded) -> None:
    """``a`` are the sums, ``s`` their signs and ``y`` integers made of those."""
    for answer in (wanted, got):
        assert np.all(np.abs(answer["a"] - bounded.value) <= bounded.error)
    differs = got["s"] != wanted["s"]
    assert np.all(np.abs(bounded.value[differs]) <= bounded.error[differs])
    same = ~differs.any(axis=tuple(range(1, differs.ndim)))
    assert same.mean() > 0.9
    np.testing.assert_array_equal(got["y"][same], wanted["y"][same])


@pytest.mark.parametrize("features", [255, 256, 257, 1000, 9216])
@pytest.mark.parametrize("weights", ["signs", "scaled"])
def test_biased_long_gemms(features: int, weights: str) -> None:
    random = np.random.default_rng(features)
    rows = signs(random, (24, features))
    if weights == "scaled":
        rows *= random.uniform(-2, 2, (24, 1)).astype(np.float32)
        rows[5] = 0  # a gamma of 0
    bias = random.uniform(-9, 9, 24).astype(np.float32)
    text = f"""g (float[N, {features}] x) => (float[] a, float[] s, float[] y) {{
        p = Sign(x)  a = Gemm<transB = 1>(p, w, b)  s = Sign(a)  y = MatMul(s, v)
    }}"""
    model = model_from_text(text, {"w": rows, "b": bias, "v": signs(random, (24, 3))})
    x = signs(random, (40, features))
    bounded = dense(exactly(x), rows.T.astype(np.float64), bias.astype(np.float64))
    engine = bnn_engine.load(model)
    check(ort.run(model, {"x": x}), engine.run({"x": x}), bounded)
    kinds = [layer.kind for layer in engine.summary().layers if layer.op.endswith("Gemm")]
    assert kinds == ["W1A1", "W1A1"]


@pytest.mark.parametrize("channels", [3, 64, 200])
def test_folded_convolutions(channels: int) -> None:
    """BatchNorm folded by the exporter: ±α with α of both signs, and offsets."""
    random = np.random.default_rng(channels)
    scale = random.normal(size=(16, 1, 1, 1)).astype(np.float32)
    weights = signs(random, (16, channels, 3, 3)) * scale
    bias = random.normal(0, 3, 16).astype(np.float32)
    text = f"""g (float[N, {channels}, 6, 5] x) => (float[] a, float[] s, float[] y) {{
        p = Sign(x)  a = Conv<pads = [1, 1, 1, 1]>(p, w, b)  s = Sign(a)  y = Conv(s, v)
    }}"""
    model = model_from_text(text, {"w": weights, "b": bias, "v": signs(random, (4, 16, 1, 1))})
    x = random.integers(-1, 2, (20, channels, 6, 5)).astype(np.float32)
    bounded = convolution(
        exactly(x), weights.astype(np.float64), bias.astype(np.float64), pads=(1, 1, 1, 1)
    )
    check(ort.run(model, {"x": x}), bnn_engine.load(model).run({"x": x}), bounded)
