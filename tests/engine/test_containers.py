"""Inputs and outputs that are no arrays of numbers: strings, sequences, optionals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bnn_engine
from bnn_engine import BnnError, DTypeError
from tests.support import ort
from tests.support.onnx_models import model_from_text

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_sequences() -> None:
    model = model_from_text(
        """g (seq(float[M, 3]) s, float[M, 3] x) => (seq(float[M, 3]) t, int64 n) {
            t = SequenceInsert(s, x)
            n = SequenceLength(t)
        }"""
    )
    engine = bnn_engine.load(model)
    assert [info.kind for info in engine.inputs] == ["sequence", "tensor"]
    assert engine.inputs[0].dtype == np.float32
    assert engine.outputs[0].kind == "sequence"
    given: Any = [X, X + 1]
    found = engine.run({"s": given, "x": X})
    wanted = ort.run(model, {"s": given, "x": X})
    assert len(found["t"]) == 3
    np.testing.assert_array_equal(found["t"], wanted["t"])
    assert found["n"] == wanted["n"]
    found["t"][0][...] = 7  # what the caller gets is the caller's
    assert given[0][0, 0] == 0
    with pytest.raises(DTypeError, match="sequence"):
        engine.run({"s": X, "x": X})
    with pytest.raises(DTypeError, match="float64"):
        engine.run({"s": [X.astype(np.float64)], "x": X})
    with pytest.raises(BnnError):
        engine.predict(X)


def test_sequences_survive_saving(tmp_path: Path) -> None:
    model = model_from_text(
        "g (seq(float[M, 3]) s) => (float[] y) { t = ConcatFromSequence<axis = 0>(s) y = Abs(t) }"
    )
    bnn_engine.load(model).save(tmp_path / "packed.onnx")
    again = bnn_engine.load(tmp_path / "packed.onnx")
    given: Any = [-X, X]
    np.testing.assert_array_equal(again.predict(given), np.abs(np.concatenate([X, X])))
    np.testing.assert_array_equal(
        ort.run(str(tmp_path / "packed.onnx"), {"s": given})["y"], again.predict(given)
    )


def test_optionals() -> None:
    model = model_from_text("g (optional(float[2, 3]) x) => (bool y) { y = OptionalHasElement(x) }")
    engine = bnn_engine.load(model)
    assert engine.inputs[0].kind == "optional"
    assert engine.predict(X)
    assert not engine.predict(None)


@pytest.mark.parametrize("kind", [str, object])
def test_strings(kind: type) -> None:
    model = model_from_text(
        "g (string[N] a, string[N] b) => (bool[N] e, string[N] c) "
        "{ e = Equal(a, b) c = StringConcat(a, b) }"
    )
    engine = bnn_engine.load(model)
    assert engine.inputs[0].dtype == object
    a: Any = np.array(["ä", "bc"], kind)
    b: Any = np.array(["ä", "x"], kind)
    found = engine.run({"a": a, "b": b})
    np.testing.assert_array_equal(found["e"], [True, False])
    np.testing.assert_array_equal(found["c"], ["ää", "bcx"])
    with pytest.raises(DTypeError):
        engine.run({"a": np.array([1, 2]), "b": b})
    with pytest.raises(DTypeError, match="object"):
        engine.run({"a": np.array([1, None]), "b": b})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "int4", "complex64"])
def test_dtypes_of_numbers(dtype: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    numpy_type = np.dtype(getattr(ml_dtypes, dtype, dtype))
    name = {"float8_e4m3fn": "float8e4m3fn"}.get(dtype, dtype)
    model = model_from_text(
        f"g ({name}[N] x) => ({name}[M] y) {{ s = Constant<value_ints=[-1]>() y = Reshape(x, s) }}",
        opset=23,
    )
    engine = bnn_engine.load(model)
    x = np.array([1, 2, -3], np.float32).astype(numpy_type)
    (info,) = engine.inputs
    assert info.dtype == numpy_type
    y = engine.run({"x": x})["y"]
    assert y.dtype == numpy_type
    assert y.tobytes() == x.tobytes()
    if dtype != "complex64":
        assert engine.predict(np.array([1.0, 2.0, -3.0])).tobytes() == x.tobytes()


def test_unsigned_inputs_do_not_wrap() -> None:
    engine = bnn_engine.load(model_from_text("g (uint8[N] x) => (uint8[N] y) { y = Identity(x) }"))
    with pytest.raises(DTypeError, match="fit"):
        engine.predict(np.array([-1]))
