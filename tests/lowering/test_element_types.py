"""Tensors of every element type in and out of native programs."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

TYPES = {
    "float": np.float32,
    "double": np.float64,
    "float16": np.float16,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
    "bool": np.bool_,
}


def draw(name: str, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.generic]:
    """Numbers that every type takes from -100 or 0 to 100."""
    numbers = np.random.default_rng(seed).integers(-100, 100, shape)
    dtype = np.dtype(TYPES[name])
    if dtype.kind == "b":
        return np.asarray(numbers > 0)
    return np.asarray(np.abs(numbers) if dtype.kind == "u" else numbers, dtype)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4, 5), (1, 2, 1, 2, 1, 2, 1, 3), (0, 4)])
def test_every_type_and_rank_goes_in_and_out(name: str, shape: tuple[int, ...]) -> None:
    extents = ",".join(map(str, shape))
    model = model_from_text(f"g ({name}[{extents}] x) => ({name}[{extents}] y) {{y = Identity(x)}}")
    x = draw(name, shape)
    engine = assert_equal_answers(model, {"x": x}, executor=None)
    np.testing.assert_array_equal(engine.predict(x), x)


@pytest.mark.parametrize("name", TYPES)
def test_transposes_of_every_type(name: str) -> None:
    model = model_from_text(
        f"g ({name}[N,2,3,4] x) => ({name}[N,4,3,2] y, {name}[N,24] z)"
        "{y = Transpose<perm=[0,3,2,1]>(x) z = Flatten(y)}"
    )
    assert_equal_answers(model, {"x": draw(name, (5, 2, 3, 4))})


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_casts_between_all_types(source: str, target: str) -> None:
    code = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(TYPES[target]))
    model = model_from_text(f"g ({source}[N,7] x) => ({target}[N,7] y) {{y = Cast<to={code}>(x)}}")
    x = draw(source, (6, 7))
    if x.dtype.kind == "f":
        x = (x / np.asarray(8, x.dtype)).astype(x.dtype)
    if x.dtype.kind in "fi" and target.startswith("u"):
        x = np.abs(x)
    assert_equal_answers(model, {"x": x}, executor=None if source == target else "native")


def test_bfloat16_goes_in_and_out() -> None:
    code = onnx.TensorProto.BFLOAT16
    model = model_from_text(
        f"g (float[N,7] x) => (bfloat16[7,N] y) {{h = Cast<to={code}>(x) y = Transpose(h)}}"
    )
    x = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    engine = bnn_engine.load(model)
    wanted = x.astype(ml_dtypes.bfloat16).T
    for y in (engine.run({"x": x})["y"], engine.predict(x)):
        assert y.dtype == wanted.dtype
        np.testing.assert_array_equal(y.view(np.uint16), wanted.view(np.uint16))
    back = model_from_text("g (bfloat16[N,5] x) => (float[N,5] y) { y = Cast<to=1>(x) }")
    y = bnn_engine.load(back).run({"x": np.ascontiguousarray(wanted)})["y"]
    np.testing.assert_array_equal(y, wanted.astype(np.float32))
