"""ArgMax and ArgMin against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnn_engine
from bnn_engine import ShapeError
from tests.support import ort
from tests.support.onnx_models import model_from_text

KINDS = {"float": "f4", "double": "f8", "float16": "f2", "int8": "i1", "uint8": "u1", "int32": "i4"}


def check(text: str, feeds: dict[str, Any]) -> None:
    model = model_from_text(text)
    engine = bnn_engine.load(model)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    found, wanted = engine.run(feeds)["y"], ort.run(model, feeds)["y"]
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("keep", "last"), [(0, 0), (1, 1), (0, 1)])
def test_few_values_with_many_ties(kind: str, op: str, axis: int, keep: int, last: int) -> None:
    if (kind == "uint8" and op == "ArgMin") or kind == "float16":
        pytest.skip("ONNX Runtime lacks it")
    x = np.random.default_rng(0).integers(0, 4, (3, 5, 7)).astype(KINDS[kind])
    check(
        f"""g ({kind}[3, 5, 7] x) => (int64[] y) {{
            y = {op}<axis = {axis}, keepdims = {keep}, select_last_index = {last}>(x) }}""",
        {"x": x},
    )


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_float16_as_float32(op: str) -> None:
    x = np.random.default_rng(1).normal(size=(4, 9)).astype(np.float16)
    text = "g ({0}[4, 9] x) => (int64[] y) {{ y = {1}<axis = 1>(x) }}"
    found = bnn_engine.load(model_from_text(text.format("float16", op))).predict(x)
    wide = model_from_text(text.format("float", op))
    np.testing.assert_array_equal(found, ort.run(wide, {"x": x.astype(np.float32)})["y"])


def test_infinities_and_zeros_of_both_signs() -> None:
    x = np.array([[-np.inf, -np.inf], [np.inf, np.inf], [-0.0, 0.0], [0.0, -0.0]], np.float32)
    for op in ("ArgMax", "ArgMin"):
        check(f"g (float[4, 2] x) => (int64[] y) {{ y = {op}<axis = 1>(x) }}", {"x": x})


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("keep", [0, 1])
def test_images_stored_channels_last(axis: int, keep: int) -> None:
    x = np.random.default_rng(2).integers(-3, 4, (2, 5, 8, 6)).astype(np.float32)
    check(
        f"""g (float[N, 5, 8, 6] x) => (int64[] y) {{
            p = MaxPool<kernel_shape = [2, 2]>(x)
            y = ArgMax<axis = {axis}, keepdims = {keep}>(p) }}""",
        {"x": x},
    )


def test_labels_of_any_batch() -> None:
    text = "g (float[N, 10] x) => (int64[] y) { r = Relu(x) y = ArgMax<axis = 1>(r) }"
    for rows in (1, 5, 1000):
        x = np.random.default_rng(3).normal(size=(rows, 10)).astype(np.float32)
        check(text, {"x": x})


def test_an_empty_axis_is_an_error() -> None:
    engine = bnn_engine.load(
        model_from_text("g (float[N, M] x) => (int64[] y) { y = ArgMax<axis = 1>(x) }")
    )
    with pytest.raises(ShapeError, match="axis 1"):
        engine.predict(np.empty((3, 0), np.float32))
