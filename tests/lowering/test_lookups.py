"""Ops that look elements up, order or accumulate them: ONNX Runtime's bits, natively."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

Array = NDArray[Any]
RANDOM = np.random.default_rng(0)


def shape_text(array: Array) -> str:
    return ", ".join(map(str, array.shape))


@pytest.mark.parametrize("kind", ["int64", "int32"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_gather(kind: str, axis: int, shape: tuple[int, ...]) -> None:
    data = RANDOM.normal(size=(4, 3, 5)).astype(np.float32)
    extent = data.shape[axis]
    indices = np.asarray(RANDOM.integers(-extent, extent, shape), kind)
    declared = f"{kind}[{shape_text(indices)}]" if shape else kind
    model = model_from_text(
        f"g (float[4, 3, 5] x, {declared} i) => (float[] y) {{ y = Gather<axis={axis}>(x, i) }}"
    )
    assert_equal_answers(model, {"x": data, "i": indices})


def test_gather_of_a_table_row_by_row() -> None:
    table = RANDOM.normal(size=(11, 4)).astype(np.float32)
    model = model_from_text("g (int64[N, 3] i) => (float[] y) { y = Gather(t, i) }", {"t": table})
    engine = assert_equal_answers(model, {"i": RANDOM.integers(-11, 11, (300, 3))})
    with pytest.raises(bnn_engine.BnnError, match="index 11 is outside"):
        engine.predict(np.array([[0, 11, 0]]))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "int8", "int64"])
def test_gather_elements(axis: int, dtype: str) -> None:
    names = {"float32": "float", "int8": "int8", "int64": "int64"}
    data = RANDOM.integers(-9, 9, (4, 3, 5)).astype(dtype)
    shape = [3, 2, 4]
    shape[axis] = 7
    indices = RANDOM.integers(-data.shape[axis], data.shape[axis], shape)
    model = model_from_text(
        f"""g ({names[dtype]}[4, 3, 5] x, int64[{shape_text(indices)}] i) => ({names[dtype]}[] y) {{
            y = GatherElements<axis={axis}>(x, i) }}"""
    )
    assert_equal_answers(model, {"x": data, "i": indices})


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("batch", [0, 1])
def test_gather_nd(depth: int, batch: int) -> None:
    data = RANDOM.normal(size=(2, 3, 4, 5)).astype(np.float32)
    leading = (2, 6) if batch else (3, 6)
    indices = RANDOM.integers(-2, 2, (*leading, depth))
    model = model_from_text(
        f"""g (float[2, 3, 4, 5] x, int64[{shape_text(indices)}] i) => (float[] y) {{
            y = GatherND<batch_dims={batch}>(x, i) }}"""
    )
    assert_equal_answers(model, {"x": data, "i": indices})


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
def test_extremes(op: str, axis: int, keep: int, last: int) -> None:
    x = RANDOM.integers(-3, 4, (2, 5, 4, 6)).astype(np.float32)
    model = model_from_text(
        f"""g (float[2, 5, 4, 6] x) => (int64[] y) {{ p = MaxPool<kernel_shape=[2, 2]>(x)
            y = {op}<axis={axis}, keepdims={keep}, select_last_index={last}>(p) }}"""
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_top_k(axis: int, largest: int, dtype: str) -> None:
    name = {"float32": "float", "int64": "int64", "float64": "double"}[dtype]
    x = RANDOM.integers(-3, 4, (4, 5, 6)).astype(dtype)
    model = model_from_text(
        f"""g ({name}[4, 5, 6] x) => ({name}[] y, int64[] i) {{
            y, i = TopK<axis={axis}, largest={largest}>(x, k) }}""",
        {"k": np.array([3])},
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("flags", ["", "<exclusive=1>", "<reverse=1>", "<exclusive=1, reverse=1>"])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_cumulative_sums(axis: int, flags: str, dtype: str) -> None:
    name = {"float32": "float", "int32": "int32"}[dtype]
    x = (RANDOM.normal(size=(3, 4, 5)) * 1000).astype(dtype)
    model = model_from_text(
        f"g ({name}[3, 4, 5] x) => ({name}[] y) {{ y = CumSum{flags}(x, a) }}",
        {"a": np.array(axis)},
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("kind", ["int64", "float"])
def test_one_hot(axis: int, kind: str) -> None:
    dtype = np.float32 if kind == "float" else np.dtype(kind)
    x = RANDOM.integers(-8, 8, (3, 4)).astype(dtype)
    model = model_from_text(
        f"g ({kind}[3, 4] x) => (float[] y) {{ y = OneHot<axis={axis}>(x, d, v) }}",
        {"d": np.array(5, dtype), "v": np.array([-0.5, 2], np.float32)},
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("diagonal", [None, -9, -1, 0, 2, 9])
def test_trilu(upper: int, diagonal: int | None) -> None:
    x = RANDOM.normal(size=(2, 4, 6)).astype(np.float32)
    constants = {} if diagonal is None else {"k": np.array(diagonal)}
    model = model_from_text(
        f"""g (float[N, 4, 6] x) => (float[] y) {{
            y = Trilu<upper={upper}>({", ".join(["x", *constants])}) }}""",
        constants,
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"])
@pytest.mark.parametrize("axes", [(0,), (1, 2), (2,)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_reductions_of_other_types(op: str, axes: tuple[int, ...], dtype: str) -> None:
    name = {"int32": "int32", "int64": "int64", "float64": "double"}[dtype]
    if dtype == "int64" and op == "ReduceMean":
        pytest.skip("not in ONNX Runtime")
    x = RANDOM.integers(-9, 10, (2, 3, 5)).astype(dtype)
    model = model_from_text(
        f"g ({name}[2, 3, 5] x) => ({name}[] y) {{ y = {op}<keepdims=0>(x, a) }}",
        {"a": np.array(axes)},
    )
    engine = bnn_engine.load(model)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    (wanted,) = ort.run(model, {"x": x}).values()
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=1e-15)


def test_rows_of_a_batch() -> None:
    model = model_from_text(
        """g (float[N, 4, 6] x) => (float[] y) {
            v, i = TopK<axis=1>(x, k) a = GatherElements<axis=1>(x, i) b = Trilu(a)
            c = CumSum(b, one) m = ArgMax<axis=2, keepdims=0>(c) y = OneHot(m, d, off_on) }""",
        {
            "k": np.array([3]),
            "one": np.array(1),
            "d": np.array(6),
            "off_on": np.array([0, 1], np.float32),
        },
    )
    engine = assert_equal_answers(model, {"x": RANDOM.normal(size=(70, 4, 6)).astype(np.float32)})
    assert engine.inputs[0].shape[0] == "N"
