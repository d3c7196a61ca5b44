"""Equal nodes merge; names of inputs and outputs, random numbers and sub-graphs stay."""

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.common_subexpressions import CommonSubexpressions
from tests.support.onnx_models import Array, graph_from_text, op_types

CONSTANTS: dict[str, Array] = {
    "low": np.array(-1, np.float32),
    "same": np.array(-1, np.float32),
    "high": np.array(1, np.float32),
    "other": np.array([-1], np.float32),
    "big": np.ones((40, 40), np.float32),
    "bigger": np.ones((40, 40), np.float32),
}


@pytest.mark.parametrize(
    ("body", "merged"),
    [
        ("a = Clip(x, low, high)  b = Clip(x, same, high)  y = Add(a, b)", ["Clip", "Add"]),
        ("a = Neg(x)  b = Neg(x)  c = Abs(a)  d = Abs(b)  y = Sub(c, d)", ["Neg", "Abs", "Sub"]),
        ("a = Neg(x)  b = Neg(x)  c = Neg(b)  y = Sub(c, a)", ["Neg", "Neg", "Sub"]),
        ("a, b = Split(x, s)  c, d = Split(x, s)  y = Concat<axis = 1>(a, d)", ["Split", "Concat"]),
        ("a = MatMul(x, big)  b = MatMul(x, big)  y = Add(a, b)", ["MatMul", "Add"]),
        (
            "a = LeakyRelu<alpha = 0.5>(x)  b = LeakyRelu<alpha = 0.5>(x)  y = Add(a, b)",
            ["LeakyRelu", "Add"],
        ),
    ],
)
def test_merged(body: str, merged: list[str]) -> None:
    body = body.replace("Split(x, s)", "Split<axis = 1, num_outputs = 2>(x)")
    graph = graph_from_text(f"g (float[3, 40] x) => (float[A, B] y) {{ {body} }}", CONSTANTS)
    x = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [CommonSubexpressions()])
    assert op_types(graph) == merged
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


@pytest.mark.parametrize(
    "body",
    [
        "a = Clip(x, low, high)  b = Clip(x, high, low)  y = Add(a, b)",
        "a = Add(x, low)  b = Add(x, other)  y = Add(a, b)",
        "a = MatMul(x, big)  b = MatMul(x, bigger)  y = Add(a, b)",
        "a = LeakyRelu<alpha = 0.5>(x)  b = LeakyRelu<alpha = 0.25>(x)  y = Add(a, b)",
        "a = Sub(x, low)  b = Sub(low, x)  y = Add(a, b)",
        "a = RandomNormalLike(x)  b = RandomNormalLike(x)  y = Add(a, b)",
    ],
)
def test_kept(body: str) -> None:
    graph = graph_from_text(f"g (float[3, 40] x) => (float[A, B] y) {{ {body} }}", CONSTANTS)
    before = op_types(graph)
    run_passes(graph, [CommonSubexpressions()])
    assert op_types(graph) == before


def test_outputs_keep_their_names() -> None:
    graph = graph_from_text(
        "g (float[N] x) => (float[N] y, float[N] z) { a = Neg(x)  y = Neg(x)  z = Abs(a) }"
    )
    run_passes(graph, [CommonSubexpressions()])
    assert op_types(graph) == ["Neg", "Abs"]
    assert [value.name for value in graph.outputs] == ["y", "z"]
    result = evaluate(graph, {"x": np.array([2], np.float32)})
    assert (result["y"].item(), result["z"].item()) == (-2, 2)


def test_two_names_for_one_result_stay() -> None:
    graph = graph_from_text("g (float[N] x) => (float[N] y, float[N] z) { y = Neg(x)  z = Neg(x) }")
    run_passes(graph, [CommonSubexpressions()])
    assert op_types(graph) == ["Neg", "Neg"]


def test_origins_are_merged() -> None:
    graph = graph_from_text(
        "g (float[N] x) => (float[N] y) { a = Neg(x)  b = Neg(x)  y = Add(a, b) }"
    )
    for node, name in zip(graph.nodes, ("one", "two", "three"), strict=True):
        node.origins = (name,)
    run_passes(graph, [CommonSubexpressions()])
    assert [node.origins for node in graph.nodes] == [("one", "two"), ("three",)]


def test_what_sub_graphs_read_stays() -> None:
    graph = graph_from_text(
        """g (float[3] x, bool c) => (float[3] y) {
            a = If(c) <
                then_branch = t () => (float[3] p) { p = Neg(x) },
                else_branch = e () => (float[3] q) { q = Abs(x) }>
            b = If(c) <
                then_branch = t () => (float[3] r) { r = Abs(x) },
                else_branch = e () => (float[3] s) { s = Neg(x) }>
            y = Sub(a, b)
        }"""
    )
    run_passes(graph, [CommonSubexpressions()])
    assert op_types(graph) == ["If", "If", "Sub"]
