"""NaN and infinities: a bit cannot hold them, so what the graph's comparisons say must come out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.conformance.cases import NAMES, case
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text, signs

NAN, INF = np.nan, np.inf
EXACT = [name for name in NAMES if name.startswith("b") and "_preserve." in name]


def spoiled(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows with one or more numbers that are not finite, and the same rows without."""
    random = np.random.default_rng(0)
    rows = np.concatenate([images[:14], images[:14]])
    for row, values in enumerate(14 * [[NAN], [INF], [-INF], [INF, -INF], [NAN, INF]]):
        if row < 14:
            rows[row, random.choice(rows.shape[1], len(values), replace=False)] = values
    rows[10], rows[11], rows[12] = NAN, INF, -INF
    return rows


@pytest.mark.parametrize("name", EXACT)
def test_binarized_networks(name: str, isa: str) -> None:
    del isa
    subject = case(name)
    images = spoiled(subject.pixels)
    run = ort.run if isinstance(subject.batch, str) else ort.run_rows
    wanted = run(subject.tapped, {"input": images})
    got = bnn_engine.load(subject.tapped).run({"input": images})
    for tensor in (*subject.signs, subject.logits):
        np.testing.assert_array_equal(got[tensor], wanted[tensor], err_msg=tensor)
    plain = bnn_engine.load(subject.path).predict(images)
    np.testing.assert_array_equal(plain, got["output"])


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("mlp")])
def test_float_networks(name: str, isa: str) -> None:
    del isa
    subject = case(name)
    images = spoiled(subject.pixels)
    run = ort.run if isinstance(subject.batch, str) else ort.run_rows
    wanted = run(subject.path, {"input": images})["output"]
    assert np.isnan(wanted).any()
    got = bnn_engine.load(subject.path).predict(images)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


VALUES = np.array(
    [
        [NAN, 1, -2, 3, INF],
        [-INF, -INF, 0, -0.0, 1e-45],
        [NAN, NAN, NAN, NAN, NAN],
        [INF, -INF, NAN, 3.4e38, -3.4e38],
        [INF, INF, INF, INF, INF],
        [-INF, -INF, -INF, -INF, -INF],
    ],
    np.float32,
)

OPS = {
    "Relu": "y = Relu(x)",
    "Clip": "y = Clip(x, low, high)",
    "Clip below": "y = Clip(x, low)",
    "Sign": "y = Sign(x)",
    "Neg": "y = Neg(x)",
    "Where": "c = Greater(x, low) y = Where(c, high, low)",
    "inverted": "c = Greater(x, low) y = Where(c, low, high)",
    "GreaterOrEqual": "c = GreaterOrEqual(x, high) y = Where(c, high, low)",
    "Less": "c = Less(x, high) y = Where(c, high, low)",
    "LessOrEqual": "c = LessOrEqual(x, low) y = Where(c, high, low)",
    "Not": "c = Less(x, high) n = Not(c) y = Where(n, high, low)",
    "Add": "y = Add(x, x)",
    "Sub": "y = Sub(x, x)",
    "Mul": "y = Mul(x, zero)",
    "Div": "y = Div(x, x)",
    "Transpose": "y = Transpose(x)",
    "ReduceMax": "y = ReduceMax(x)",
    "BatchNormalization": "y = BatchNormalization(x, s, s, s, s)",
    "Softmax": "y = Softmax(x)",
    "LogSoftmax": "y = LogSoftmax(x)",
}


@pytest.mark.parametrize("op", OPS)
def test_single_ops(op: str) -> None:
    constants = {
        "low": np.asarray(np.float32(-1)),
        "high": np.asarray(np.float32(1)),
        "zero": np.asarray(np.float32(0)),
        "s": np.array([1, -1, 0, 2, 0.5], np.float32) ** 2,
    }
    model = model_from_text(f"g (float[N, 5] x) => (float[] y) {{ {OPS[op]} }}", constants)
    engine = bnn_engine.load(model)
    wanted = ort.run(model, {"x": VALUES})["y"]
    np.testing.assert_allclose(engine.predict(VALUES), wanted, rtol=1e-6)


def test_first_layer_with_inverted_and_constant_channels(isa: str) -> None:
    """A negative scale turns +inf into -1; NaN gives -1 behind any scale; so does 0 times inf."""
    del isa
    random = np.random.default_rng(1)
    constants = {
        "w": signs(random, (5, 7)),
        "zero": np.asarray(np.float32(0)),
        "one": np.asarray(np.float32(1)),
        "minus": np.asarray(np.float32(-1)),
        "scale": np.array([1, -1, 0, 0, 0, 2, -2], np.float32),
        "shift": np.array([0, 0, 1, -1, 0, 1, 1], np.float32),
        "mean": np.array([0, 0, 0, 0, 0, 5, 5], np.float32),
        "variance": np.ones(7, np.float32),
    }
    model = model_from_text(
        """g (float[N, 5] x) => (float[] y) {
            z = MatMul(x, w)
            n = BatchNormalization(z, scale, shift, mean, variance)
            c = Greater(n, zero)
            y = Where(c, one, minus)
        }""",
        constants,
    )
    engine = assert_equal_answers(model, {"x": VALUES})
    assert engine.summary().layers[0].kind == "W1A32"


def test_max_pool_ignores_nan_beside_numbers(isa: str) -> None:
    """ONNX Runtime's answer depends on where in the window, and in the image, NaN lies."""
    del isa
    model = model_from_text(
        "g (float[N, 3, 2, 2] x) => (float[] y) { y = MaxPool<kernel_shape=[2, 2]>(x) }"
    )
    windows = [[NAN, 1, 2, 3], [1, 2, 3, NAN], [NAN, NAN, -INF, NAN], [INF, NAN, 1, 1]]
    x = np.repeat(np.array(windows, np.float32), 3, axis=0).reshape(4, 3, 2, 2)
    got = bnn_engine.load(model).predict(x).reshape(4, 3)
    np.testing.assert_array_equal(got, np.repeat([[3], [3], [-INF], [INF]], 3, axis=1))
    np.testing.assert_array_equal(bnn_engine.load(model).predict(np.full_like(x, NAN)), NAN)
