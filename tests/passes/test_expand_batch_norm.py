from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.expand_batch_norm import ExpandBatchNorms
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, graph_from_text, model_from_text, op_types

BODY = "y = BatchNormalization<epsilon = 0.001>(x, s, b, m, v)"


def parameters(dtype: type[np.floating]) -> dict[str, Array]:
    random = np.random.default_rng(0)
    made = {name: random.normal(0, 5, 9).astype(dtype) for name in "sbm"}
    return {**made, "v": random.uniform(0, 9, 9).astype(dtype)}


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("float", "9, 7"), ("float", "9, 2, 3, 4"), ("double", "9"), ("double", "9, 3, 3")],
)
def test_bits_are_onnx_runtimes(kind: str, shape: str) -> None:
    dtype = np.float64 if kind == "double" else np.float32
    text = f"g ({kind}[N, {shape}] x) => ({kind}[] y) {{ {BODY} }}"
    graph = graph_from_text(text, parameters(dtype))
    run_passes(graph, [ExpandBatchNorms()])
    assert op_types(graph) == ["Mul", "Add"]
    extents = (5, *map(int, shape.split(", ")))
    x = np.random.default_rng(1).normal(0, 9, extents).astype(dtype)
    engine = assert_equal_answers(model_from_text(text, parameters(dtype)), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], engine.predict(x))


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("9", BODY),
        ("9, 3, 3", BODY),
        ("9, 7", BODY.replace("m, v)", "m, w)  w = ReduceMax<keepdims = 0>(x, axes)")),
    ],
)
def test_what_epilogues_do_or_nobody_knows_stays(shape: str, body: str) -> None:
    text = f"g (float[N, {shape}] x) => (float[] y) {{ {body} }}"
    graph = graph_from_text(text, {**parameters(np.float32), "axes": np.array([0, 2])})
    run_passes(graph, [ExpandBatchNorms()])
    assert "BatchNormalization" in op_types(graph)
