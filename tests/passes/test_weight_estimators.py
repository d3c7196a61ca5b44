"""Quantized weights come out of straight-through estimators as the quantizer gave them."""

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.weight_estimators import without_noise
from tests.support.onnx_models import Array, graph_from_text, op_types


def latent(outliers: float, shape: tuple[int, ...] = (8, 16, 3, 3)) -> Array:
    """Weights around 0.02, and a few as large as ``outliers``."""
    rng = np.random.default_rng(0)
    w = rng.normal(0, 0.02, shape).astype(np.float32)
    w.reshape(-1)[:: w.size // 7] = outliers
    return w


@pytest.mark.parametrize(
    "estimator",
    [
        "c = Clip(w, minus, one)  d = Sub(q, c)  e = Add(d, c)",
        "d = Sub(q, w)  e = Add(w, d)",
        "d = Sub(w, q)  e = Sub(w, d)",
        "c = Tanh(w)  d = Add(q, c)  e = Sub(d, c)",
    ],
)
def test_folded_weights_have_one_magnitude_per_row(estimator: str) -> None:
    w = latent(outliers=0.9)
    graph = graph_from_text(
        f"""g (float[N, 16, 8, 8] x) => (float[N, 8, 6, 6] y) {{
            a = Abs(w)  m = ReduceMean(a, axes)  s = Sign(w)  q = Mul(m, s)  {estimator}
            y = Conv(x, e)
        }}""",
        {
            "w": w,
            "minus": -np.ones((), np.float32),
            "one": np.ones((), np.float32),
            "axes": np.array([1, 2, 3]),
        },
    )
    x = np.random.default_rng(1).choice(np.float32(1) * np.array([-1, 1]), (2, 16, 8, 8))
    x = x.astype(np.float32)
    noisy = evaluate(graph, {"x": x})["y"].astype(np.float64)
    run_passes(graph, [FoldConstants()])
    assert op_types(graph) == ["Conv"]
    weights = graph.nodes[0].inputs[1]
    assert weights is not None
    assert weights.const is not None
    rows = np.abs(weights.const).reshape(8, -1)
    assert (rows.min(axis=1) == rows.max(axis=1)).all()
    clean = evaluate(graph, {"x": x})["y"].astype(np.float64)
    bound = 144 * 2.0**-24 * 2 * rows.sum(axis=1)
    assert 0 < np.abs(noisy - clean).max() <= bound.max()


def test_what_is_no_noise_stays() -> None:
    quantized = np.sign(latent(1))
    different = quantized + np.float32(0.01) * latent(1)
    np.testing.assert_array_equal(without_noise(different, quantized), different)
    zeros = quantized * np.float32(0)
    np.testing.assert_array_equal(without_noise(different, zeros), different)


@pytest.mark.parametrize(
    "weights", [np.ones(5, np.float32), np.ones((2, 3)), np.ones((0, 3), np.float32)]
)
def test_what_is_no_weight_stays(weights: Array) -> None:
    assert without_noise(weights, weights) is weights


def test_scales_broadcast() -> None:
    scale = np.full((8, 1, 1, 1), 0.5, np.float32)
    noisy = np.full((8, 16, 3, 3), np.nextafter(np.float32(0.5), np.float32(1)))
    np.testing.assert_array_equal(without_noise(noisy, scale), np.full(noisy.shape, 0.5))
