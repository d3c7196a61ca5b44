"""Networks whose input is 8-bit integers or booleans, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

DTYPES = ("uint8", "int8", "bool")


def draw(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Every value of ``dtype``, its ends included."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(shape) < 0.5
    limits = np.iinfo(dtype)
    array = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    array.flat[:2] = (limits.min, limits.max)[: array.size]
    return array


def is_one_program(engine: bnn_engine.Engine) -> bool:
    """Whether the core alone computes the answer."""
    return engine._network.program is not None


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("isa")
def test_cast_alone(dtype: str, batch: int) -> None:
    model = model_from_text(f"g ({dtype}[N, 3, 5] x) => (float[] y) {{ y = Cast<to=1>(x) }}")
    engine = assert_equal_answers(model, {"x": draw((batch, 3, 5), dtype)})
    assert is_one_program(engine)


@pytest.mark.parametrize(
    "nodes",
    [
        "f = Cast<to=1>(x) d = Div(f, k) m = Sub(d, mean) y = Mul(m, scale)",
        "f = Cast<to=1>(x) d = Div(f, k) m = Sub(d, mean) y = Div(m, spread)",
        "t = Transpose<perm=[0, 2, 3, 1]>(x) y = Cast<to=1>(t)",
        "t = Transpose<perm=[0, 2, 3, 1]>(x) r = Flatten(t) y = Cast<to=1>(r)",
        "f = Cast<to=1>(x) t = Transpose<perm=[0, 3, 1, 2]>(f) y = Mul(t, k)",
        "f = Cast<to=1>(x) y = MaxPool<kernel_shape=[2, 2]>(f)",
        "f = Cast<to=1>(x) g = Relu(f) y = Add(f, g)",
        "f = Cast<to=1>(x) y = Softmax<axis=1>(f)",
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_floats_from_bytes(dtype: str, nodes: str) -> None:
    random = np.random.default_rng(3)
    constants = {
        "k": np.asarray(np.float32(255)),
        "mean": random.random((3, 1, 1), np.float32),
        "scale": random.normal(size=(3, 1, 1)).astype(np.float32),
        "spread": (1 + random.random((3, 1, 1))).astype(np.float32),
    }
    model = model_from_text(f"g ({dtype}[N, 3, 4, 5] x) => (float[] y) {{ {nodes} }}", constants)
    x = draw((5, 3, 4, 5), dtype)
    engine = bnn_engine.load(model)
    assert is_one_program(engine)
    if "Softmax" in nodes:
        floats = model_from_text(
            "g (float[N, 3, 4, 5] x) => (float[] y) { y = Softmax<axis=1>(x) }"
        )
        wanted = bnn_engine.load(floats).predict(x.astype(np.float32))
        np.testing.assert_array_equal(engine.predict(x), wanted)
    else:
        assert_equal_answers(model, {"x": x})


def test_a_float_tensor_and_bytes_make_one_program() -> None:
    model = model_from_text(
        "g (uint8[N, 4] x, float[N, 4] z) => (float[] y) { f = Cast<to=1>(x) y = Add(f, z) }"
    )
    z = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    assert is_one_program(assert_equal_answers(model, {"x": draw((3, 4), "uint8"), "z": z}))


def test_bytes_between_python_steps_and_programs() -> None:
    model = model_from_text(
        "g (uint8[N, 4] x) => (float[] y) { a = BitwiseNot(x) f = Cast<to=1>(a) y = Relu(f) }"
    )
    engine = assert_equal_answers(model, {"x": draw((3, 4), "uint8")}, executor=None)
    assert [layer.executor for layer in engine.summary().layers] == ["python", "native", "native"]


def test_integers_that_are_an_output_stay_integers() -> None:
    model = model_from_text(
        "g (uint8[N, 4] x) => (uint8[] t, float[] y) { t = Transpose(x) y = Cast<to=1>(t) }"
    )
    assert_equal_answers(model, {"x": draw((3, 4), "uint8")}, executor=None)


def test_wider_integers_are_cast_in_python() -> None:
    model = model_from_text("g (int32[N, 4] x) => (float[] y) { y = Cast<to=1>(x) }")
    x = np.array([[1, -1, 2**30, -(2**30) + 1]], np.int32)
    assert_equal_answers(model, {"x": x}, executor="python")
