"""Chains in which constants wait for shapes and shapes for constants."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.fold_shapes import FoldShapes
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

TEXT = """g (float[2, 6] x) => (float[] y) {
    s = Shape(x)  w = Gather(s, one)  r = Mod(w, four)  t = Concat<axis=0>(w, r)
    z = ConstantOfShape(t)  n = Shape(z)  e = Equal(n, n)  f = Cast<to=7>(e)
    m = Add(n, f)  k = Reshape(m, pair)  q = Expand(a, k)  v = ReduceSum(q)  y = Add(x, v)
}"""
CONSTANTS = {
    "one": np.array([1]),
    "four": np.array([4]),
    "pair": np.array([2]),
    "a": np.array([[0.5]], np.float32),
}


def test_chains_fold_to_the_end() -> None:
    graph = graph_from_text(TEXT, CONSTANTS)
    run_passes(graph, [FoldShapes()])
    assert op_types(graph) == ["Add"]
    x = {"x": np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)}
    (wanted,) = run_onnxruntime(model_from_text(TEXT, CONSTANTS), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_graphs_without_shapes_stay() -> None:
    graph = graph_from_text("g (float[N, 6] x) => (float[] y) { a = Neg(x) y = Abs(a) }")
    nodes = list(graph.nodes)
    run_passes(graph, [FoldShapes()])
    assert graph.nodes == nodes
