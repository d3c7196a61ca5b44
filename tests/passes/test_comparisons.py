"""Where of every comparison, operand and branch order, and negation, against ONNX Runtime."""

import itertools

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.resolve_shapes import ResolveShapes
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4028235e38, 0.5], np.float32
)
KINDS = ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("nots", [0, 1, 2])
@pytest.mark.parametrize("then", ["plus", "minus"])
def test_all_forms(kind: str, swapped: bool, nots: int, then: str) -> None:
    other = "minus" if then == "plus" else "plus"
    operands = "t, x" if swapped else "x, t"
    negations = "".join(f"p{i + 1} = Not(p{i})  " for i in range(nots))
    text = f"""g (float[N, 11] x) => (float[N, 11] y) {{
        p0 = {kind}({operands})  {negations} y = Where(p{nots}, {then}, {other})
    }}"""
    constants = {
        "t": SPECIAL,
        "plus": np.ones((1, 1), np.float32),
        "minus": -np.ones((), np.float32),
    }
    graph = graph_from_text(text, constants)
    run_passes(graph, [RecogniseActivations()])
    assert op_types(graph) == ["Binarize"]
    x = np.array(list(itertools.permutations(SPECIAL, 2)), np.float32)[:, :1] * np.ones(
        11, np.float32
    )
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def test_branches_that_are_computed() -> None:
    graph = graph_from_text(
        """g (float[N, 3] x) => (float[N, 3] y) {
            p = Greater(x, zero)  s = Shape(x)
            a = ConstantOfShape<value = float[1] {1.0}>(s)  b = Expand(one, s)  n = Neg(b)
            y = Where(p, a, n)
        }""",
        {"zero": np.zeros((), np.float32), "one": np.ones(1, np.float32)},
    )
    run_passes(graph, [ResolveShapes(), RecogniseActivations()])
    assert op_types(graph) == ["Binarize"]


def test_thresholds_per_channel() -> None:
    graph = graph_from_text(
        """g (float[N, 3, 2, 2] x) => (float[N, 3, 2, 2] y) {
            p = Less(x, t)  y = Where(p, plus, minus)
        }""",
        {
            "t": np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1),
            "plus": np.ones((), np.float32),
            "minus": -np.ones((), np.float32),
        },
    )
    run_passes(graph, [RecogniseActivations()])
    (node,) = graph.nodes
    assert [value.shape for value in node.inputs[1:] if value is not None] == [(3, 1, 1)] * 2


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ("float[N, 3] x", "p = Greater(x, t)  y = Where(p, plus, plus)"),
        ("float[N, 3] x", "p = Greater(x, x)  y = Where(p, plus, minus)"),
        ("float[N, 3] x", "p = Greater(x, wide)  y = Where(p, plus, minus)"),
        ("float[N, 1] x", "p = Greater(x, row)  y = Where(p, plus, minus)"),
        ("float[N, 3] x", "p = Greater(x, t)  y = Where(p, plus, wide)"),
        ("bool[N, 3] x", "y = Where(x, plus, minus)"),
        ("double[N, 3] x", "p = Greater(x, d)  y = Where(p, plus, minus)"),
        ("float[N, 3] x", "p = Greater(x, t)  y = Where(p, plus2, minus)"),
    ],
)
def test_declined(inputs: str, body: str) -> None:
    graph = graph_from_text(
        f"g ({inputs}) => (float[A, B] y) {{ {body} }}",
        {
            "t": np.zeros((), np.float32),
            "d": np.zeros((), np.float64),
            "plus": np.ones((), np.float32),
            "minus": -np.ones((), np.float32),
            "wide": -np.ones((2, 3), np.float32),
            "row": np.arange(3, dtype=np.float32),
            "plus2": np.ones((1, 1, 1), np.float32),
        },
    )
    run_passes(graph, [RecogniseActivations()])
    assert "Where" in op_types(graph)
