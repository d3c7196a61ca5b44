"""What an engine whose input is 8-bit integers or booleans takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnn_engine
from bnn_engine import DTypeError, ShapeError
from tests.support.onnx_models import model_from_text


def engine_for(dtype: str) -> bnn_engine.Engine:
    text = f"g ({dtype}[N, 3] x) => (float[] y) {{ f = Cast<to=1>(x) y = Add(f, one) }}"
    return bnn_engine.load(model_from_text(text, {"one": np.asarray(np.float32(1))}))


EXACT: dict[str, list[Any]] = {
    "uint8": [
        np.array([[0, 1, 255]], np.uint8),
        np.array([[0, 1, 255]], np.float64),
        np.array([[0, 1, 255]], ">i4"),
        [[0, 1, 255]],
        np.array([[0, 1, 1]], bool),
        np.array([[0, 9, 1, 9, 255, 9]], np.uint8)[:, ::2],
    ],
    "int8": [
        np.array([[-128, 0, 127]], np.int8),
        np.array([[-128, 0, 127]], np.float16),
        np.array([[0, 1, 127]], np.uint8),
        np.asfortranarray(np.array([[-1, 2, 3], [4, 5, -6]], np.int8)),
    ],
    "bool": [
        np.array([[True, False, True]]),
        np.array([[0, 1, 1]], np.uint8),
        [[0.0, 1.0, 1.0]],
    ],
}


@pytest.mark.parametrize(("dtype", "x"), [(d, x) for d, xs in EXACT.items() for x in xs])
def test_values_that_fit(dtype: str, x: Any) -> None:
    engine = engine_for(dtype)
    assert engine.inputs[0].dtype == dtype
    y = engine.predict(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.asarray(x).astype(np.float32) + 1)


@pytest.mark.parametrize(
    ("dtype", "x"),
    [
        ("uint8", [[0, 1, 256]]),
        ("uint8", [[0, -1, 2]]),
        ("uint8", [[0.5, 1, 2]]),
        ("uint8", [[np.nan, 1, 2]]),
        ("uint8", np.array([[-1, 1, 2]], np.int8)),
        ("int8", np.array([[128, 1, 2]], np.uint8)),
        ("bool", np.array([[2, 1, 0]], np.uint8)),
        ("bool", [[0.5, 1, 0]]),
        ("uint8", [["a", "b", "c"]]),
    ],
)
def test_values_that_do_not_fit(dtype: str, x: Any) -> None:
    with pytest.raises(DTypeError):
        engine_for(dtype).predict(x)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
def test_run_takes_exactly_the_dtype(dtype: str) -> None:
    engine = engine_for(dtype)
    x = np.ones((2, 3), dtype)
    np.testing.assert_array_equal(engine.run({"x": x})["y"], np.full((2, 3), 2, np.float32))
    for other in {"uint8", "int8", "bool", "float32"} - {dtype}:
        with pytest.raises(DTypeError, match=f"must have dtype {dtype}"):
            engine.run({"x": x.astype(other)})


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
def test_shapes_are_checked(dtype: str) -> None:
    engine = engine_for(dtype)
    for shape in ((3,), (2, 4), (1, 2, 3)):
        with pytest.raises(ShapeError):
            engine.predict(np.zeros(shape, dtype))
    assert engine.predict(np.zeros((0, 3), dtype)).shape == (0, 3)


def test_out_is_filled() -> None:
    out = np.zeros((2, 3), np.float32)
    assert engine_for("uint8").predict(np.full((2, 3), 7, np.uint8), out=out) is out
    np.testing.assert_array_equal(out, np.full((2, 3), 8, np.float32))


def test_saved_networks_keep_the_dtype(tmp_path: Any) -> None:
    engine_for("int8").save(tmp_path / "packed.onnx")
    engine = bnn_engine.load(tmp_path / "packed.onnx")
    assert engine.inputs[0].dtype == np.int8
    assert engine.predict([[-3, 0, 5]]).tolist() == [[-2, 1, 6]]
