"""Sums that lie exactly on a BatchNormalization's threshold, in every reachable way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, model_from_text, signs

Floats = NDArray[np.float32]

FEATURES, CHANNELS = 31, 240
SIGNS = {
    "sign": "s = Sign(n)",
    "greater": "g = Greater(n, zero)  s = Where(g, plus, minus)",
    "greater_or_equal": "g = GreaterOrEqual(n, zero)  s = Where(g, plus, minus)",
    "less": "g = Less(n, zero)  s = Where(g, minus, plus)",
    "cast": "g = GreaterOrEqual(n, zero)  c = Cast<to = 1>(g)  d = Mul(c, two)  s = Sub(d, plus)",
    "zero_or_one": "g = Greater(n, zero)  s = Cast<to = 1>(g)",
}
NUMBERS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "plus": np.ones((), np.float32),
    "minus": -np.ones((), np.float32),
    "two": np.full((), 2, np.float32),
}


def every_sum(weights: Floats) -> Floats:
    """Rows of ±1 among which the first column of ``weights`` meets every reachable sum."""
    counts = np.arange(FEATURES + 1)[:, None]
    agreeing = np.where(np.arange(FEATURES)[None] < counts, 1, -1)
    return np.asarray(agreeing * weights[:, 0], np.float32)


def tied(random: np.random.Generator, epsilon: float) -> dict[str, Array]:
    """Parameters most of which map some integer to exactly 0, or to its nearest neighbours."""
    scale = random.choice([1, -1, 0.3, -1.7, 0, 1e-3, 40], CHANNELS).astype(np.float32)
    variance = random.choice([1, 0.25, 7.3, 1e-6, 961], CHANNELS).astype(np.float32)
    mean = random.choice([0, 1, -3, 2, 0.1], CHANNELS).astype(np.float32)
    # As ONNX Runtime: y = x · s + (shift - mean · s). Choose shift so that x is a root.
    s = scale * (np.float32(1) / np.sqrt(variance + np.float32(epsilon)))
    root = (2 * random.integers(-9, 9, CHANNELS) + 1).astype(np.float32)
    shift = mean * s - root * s
    moved = np.nextafter(shift, np.float32(random.choice([-1, 1]) * np.inf))
    shift = np.where(random.random(CHANNELS) < 0.3, moved, shift)
    shift[::7] = 0
    return {"scale": scale, "shift": shift, "mean": mean, "variance": variance}


@pytest.mark.parametrize("form", SIGNS)
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3, 1e-12])
@pytest.mark.parametrize("bias", [False, True])
def test_ties(form: str, epsilon: float, bias: bool) -> None:
    random = np.random.default_rng([len(form), int(bias)])
    weights = signs(random, (FEATURES, CHANNELS))
    weights[:, 1:] *= weights[:, :1] * signs(random, (1, CHANNELS))[:, 1:]
    constants = {
        **NUMBERS,
        **tied(random, epsilon),
        "w": weights,
        "v": signs(random, (CHANNELS, 9)),
    }
    layer = "MatMul(x, w)"
    if bias:
        constants["b"] = random.integers(-3, 4, CHANNELS).astype(np.float32)
        layer = "Gemm(x, w, b)"
    model = model_from_text(
        f"""g (float[N, {FEATURES}] x) => (float[] s, float[] y) {{
            p = Sign(x)  a = {layer.replace("x", "p")}
            n = BatchNormalization<epsilon = {epsilon}>(a, scale, shift, mean, variance)
            {SIGNS[form]}
            y = MatMul(s, v)
        }}""",
        constants,
    )
    x = np.concatenate([every_sum(weights), signs(random, (50, FEATURES))])
    engine = assert_equal_answers(model, {"x": x})
    kinds = {layer.kind for layer in engine.summary().layers if layer.op.endswith("Gemm")}
    assert kinds == {"W1A1"}


def test_fixtures_hit_their_thresholds() -> None:
    """What the comparison above is worth: many channels are 0 for a sum that occurs."""
    random = np.random.default_rng(0)
    parameters: dict[str, Any] = tied(random, 1e-5)
    s = parameters["scale"] * (1 / np.sqrt(parameters["variance"] + np.float32(1e-5)))
    sums = np.arange(-FEATURES, FEATURES + 1, 2, dtype=np.float32)[:, None]
    y = sums * s + (parameters["shift"] - parameters["mean"] * s)
    assert ((y == 0).any(axis=0) & (s != 0)).mean() > 0.3


POOLS = ["n = BatchNormalization(p, scale, shift, mean, variance)", "n = PRelu(p, slopes)"]


@pytest.mark.parametrize("after", POOLS)
@pytest.mark.parametrize("form", ["sign", "greater", "zero_or_one"])
@pytest.mark.parametrize("pads", ["0, 0, 0, 0", "1, 0, 1, 1"])
def test_max_pool_before_what_may_fall(after: str, form: str, pads: str) -> None:
    """A negative scale makes an AND of the OR that pooling of signs is."""
    random = np.random.default_rng(3)
    channels = 24
    constants: dict[str, Array] = {
        **NUMBERS,
        "w": signs(random, (channels, 5, 3, 3)),
        "v": signs(random, (4, channels, 1, 1)),
        "scale": random.choice([1, -1, 0.5, -2, 0], channels).astype(np.float32),
        "shift": random.choice([0, 0.5, -0.5], channels).astype(np.float32),
        "mean": random.integers(-4, 5, channels).astype(np.float32),
        "variance": np.ones(channels, np.float32),
        "slopes": random.choice([-1, -0.25, 0, 0.5], (channels, 1, 1)).astype(np.float32),
    }
    model = model_from_text(
        f"""g (float[N, 5, 9, 8] x) => (float[] s, float[] y) {{
            b = Sign(x)  a = Conv<pads = [1, 1, 1, 1]>(b, w)
            p = MaxPool<kernel_shape = [2, 2], strides = [2, 2], pads = [{pads}]>(a)
            {after}
            {SIGNS[form]}
            y = Conv(s, v)
        }}""",
        constants,
    )
    x = random.integers(-1, 2, (3, 5, 9, 8)).astype(np.float32)
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.0, 0.25, 2.0])
@pytest.mark.parametrize("shift", [0.0, 2.0, -3.0])
@pytest.mark.parametrize("form", SIGNS)
def test_prelu_of_sums(slope: float, shift: float, form: str) -> None:
    """With a negative slope the preimage of a half-line is two intervals, or what is between."""
    random = np.random.default_rng(5)
    weights = signs(random, (FEATURES, 40))
    constants: dict[str, Array] = {
        **NUMBERS,
        "w": weights,
        "v": signs(random, (40, 3)),
        "slopes": np.where(random.random(40) < 0.5, slope, 0.5).astype(np.float32),
        "shift": np.full(40, shift, np.float32),
    }
    model = model_from_text(
        f"""g (float[N, {FEATURES}] x) => (float[] s, float[] y) {{
            b = Sign(x)  a = MatMul(b, w)  r = PRelu(a, slopes)  n = Add(r, shift)
            {SIGNS[form]}
            y = MatMul(s, v)
        }}""",
        constants,
    )
    x = np.concatenate([every_sum(weights), signs(random, (20, FEATURES))])
    assert_equal_answers(model, {"x": x})
