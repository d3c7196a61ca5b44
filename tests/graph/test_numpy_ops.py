"""Bits and types are those of ``onnx.reference``, NaN, infinities and both zeros included."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from bnn_engine.graph.numpy_ops import numpy_function
from bnn_engine.importer import import_model
from tests.support.onnx_models import graph_from_text, model_from_text

Array = NDArray[Any]

UNARY = ["Abs", "Neg", "Sign", "Sqrt"]
BINARY = ["Add", "Mul", "Sub"]
COMPARISONS = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]
SPECIAL = np.array([0, -0.0, 1, -1.5, np.inf, -np.inf, np.nan, 3e38], np.float32)


def check(model: onnx.ModelProto, feeds: dict[str, Array]) -> None:
    (node,) = import_model(model).nodes
    function = numpy_function(node)
    assert function is not None
    values = [None if v is None else feeds.get(v.name, v.const) for v in node.inputs]
    with np.errstate(all="ignore"):
        results: Any = ReferenceEvaluator(model).run(None, feeds)
    wanted: Array = results[0]
    (got,) = function(values)
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("op_type", UNARY)
def test_unary(op_type: str) -> None:
    check(model_from_text(f"g (float[8] x) => (float[8] y) {{ y = {op_type}(x) }}"), {"x": SPECIAL})


@pytest.mark.parametrize("op_type", BINARY + COMPARISONS)
@pytest.mark.parametrize("kind", ["float", "int32"])
def test_binary_with_broadcasting(op_type: str, kind: str) -> None:
    result = kind if op_type in BINARY else "bool"
    text = f"g ({kind}[8] x, {kind}[A, 1] z) => ({result}[A, 8] y) {{ y = {op_type}(x, z) }}"
    x = SPECIAL if kind == "float" else np.arange(-4, 4, dtype=np.int32)
    check(model_from_text(text), {"x": x, "z": x[::-1, None]})


def test_where() -> None:
    text = "g (bool[8] c, float[8] x, float[1] z) => (float[8] y) { y = Where(c, x, z) }"
    feeds = {"c": SPECIAL > 0, "x": SPECIAL, "z": np.full(1, 7, np.float32)}
    check(model_from_text(text), feeds)


@pytest.mark.parametrize("axis", [0, 1, 3, -1])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_mean_along_a_short_axis(axis: int, keepdims: int) -> None:
    text = "g (float[6, 7, 4, 3] x) => (float[A, B, C, D] y) { y = ReduceMean"
    model = model_from_text(
        f"{text}<keepdims = {keepdims}>(x, axes) }}", {"axes": np.array([axis])}
    )
    x = np.random.default_rng(0).normal(size=(6, 7, 4, 3)).astype(np.float32)
    check(model, {"x": x})


@pytest.mark.parametrize(
    "text",
    [
        "g (float[N, 9] x) => (float[N] y) { y = ReduceMean(x, axes) }",  # too long an axis
        "g (float[N, 9] x) => (float[1, 9] y) { y = ReduceMean(x, first) }",  # an unknown extent
        "g (float[2, 3] x) => (float[1, 1] y) { y = ReduceMean(x) }",
        "g (float[N, 9] x) => (float[N, 9] y) { y = Relu(x) }",
    ],
)
def test_the_rest_is_left_to_the_reference(text: str) -> None:
    constants = {"axes": np.array([1]), "first": np.array([0])}
    (node,) = graph_from_text(text, constants).nodes
    assert numpy_function(node) is None
