from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes.expand_functions import ExpandFunctions
from tests.support import ort
from tests.support.onnx_models import graph_from_text, model_from_text, op_types

RANDOM = np.random.default_rng(0)

CASES: Mapping[str, tuple[str, Mapping[str, NDArray[Any]]]] = {
    "GroupNormalization": (
        """g (double[3, 4, 2, 2] x, double[4] s, double[4] b) => (double[] y) {
            y = GroupNormalization<num_groups = 2>(x, s, b) }""",
        {"s": RANDOM.normal(size=4), "b": RANDOM.normal(size=4)},
    ),
    "CastLike": (
        "g (float[3, 4, 2, 2] x, int32[1] s) => (int32[] y) { y = CastLike(x, s) }",
        {"s": np.zeros(1, np.int32)},
    ),
    "MeanVarianceNormalization": (
        "g (float[3, 4, 2, 2] x) => (float[] y) { y = MeanVarianceNormalization(x) }",
        {},
    ),
    "SoftmaxCrossEntropyLoss": (
        """g (float[3, 4, 2, 2] x, int64[3, 2, 2] t) => (float[] y, float[] z) {
            y, z = SoftmaxCrossEntropyLoss(x, t) }""",
        {"t": RANDOM.integers(0, 4, (3, 2, 2))},
    ),
    "DynamicQuantizeLinear": (
        """g (float[3, 4, 2, 2] x) => (uint8[] y, float s, uint8 z) {
            y, s, z = DynamicQuantizeLinear(x) }""",
        {},
    ),
}


@pytest.mark.parametrize("op", CASES)
def test_bodies_give_the_same_answers(op: str) -> None:
    text, others = CASES[op]
    model = model_from_text(text)
    graph = import_model(model)
    names = [value.name for value in graph.outputs]
    ExpandFunctions().run(graph)
    graph.remove_dead_nodes()
    graph.check()
    assert op not in op_types(graph)
    assert [value.name for value in graph.outputs] == names
    assert all(value.dtype is not None for node in graph.nodes for value in node.outputs)
    assert all(node.origins == (f"{op} {names[0]}",) for node in graph.nodes)
    dtype = graph.inputs[0].dtype
    feeds = {"x": RANDOM.normal(size=(3, 4, 2, 2)).astype(dtype), **others}
    wanted, found = ort.run(model, feeds), evaluate(graph, feeds)
    for name, reference in wanted.items():
        assert found[name].dtype == reference.dtype
        np.testing.assert_allclose(found[name], reference, rtol=1e-4, atol=1e-5)


def test_calls_between_other_nodes() -> None:
    graph = graph_from_text(
        """g (float[2, 8] x, float[8] s) => (float[2, 8] y) {
            a = Relu(x)
            b, m = LayerNormalization(a, s)
            c, n = LayerNormalization(b, s)
            d = Add(c, m)
            e = Add(d, n)
            y = Neg(e)
        }"""
    )
    x = RANDOM.normal(size=(2, 8)).astype(np.float32)
    feeds = {"x": x, "s": np.ones(8, np.float32)}
    before = evaluate(graph, feeds)["y"]
    ExpandFunctions().run(graph)
    graph.remove_dead_nodes()
    graph.check()
    assert op_types(graph)[0] == "Relu"
    assert op_types(graph)[-1] == "Neg"
    assert "LayerNormalization" not in op_types(graph)
    np.testing.assert_allclose(evaluate(graph, feeds)["y"], before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("node", ["LayerNormalization(x, s)", "ReduceL2<keepdims=0>(x, a)"])
def test_what_the_core_computes_stays(node: str) -> None:
    graph = graph_from_text(
        f"g (float[N, 8] x) => (float[] y) {{ y = {node} }}",
        {"s": np.ones(8, np.float32), "a": np.array([1])},
    )
    ExpandFunctions().run(graph)
    assert len(graph.nodes) == 1


def test_ops_with_kernels_of_their_own_stay() -> None:
    text = "g ({0}[2, 8] x) => ({0}[2, 8] y) {{ y = LayerNormalization(x, s) }}"
    for kind, dtype in (("float", np.float32), ("float16", np.float16)):
        graph = graph_from_text(text.format(kind), {"s": np.ones(8, dtype)})
        ExpandFunctions().run(graph)
        assert op_types(graph) == ["LayerNormalization"]


def test_an_input_of_unknown_type_stays() -> None:
    """Without types there is no body: the node is left as it is."""
    graph = graph_from_text(
        "g (float[2, 8] x, float[1] t) => (float[2, 8] y) { y = CastLike(x, t) }"
    )
    for value in graph.inputs:
        value.dtype = None
    ExpandFunctions().run(graph)
    graph.check()
    assert op_types(graph) == ["CastLike"]
