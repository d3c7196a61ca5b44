import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.remove_identity import RemoveIdentity
from tests.support.onnx_models import graph_from_text, op_types


@pytest.mark.parametrize(
    "body",
    [
        "a = Identity(x)  y = Neg(a)",
        "a = Neg(x)  y = Identity(a)",
        "a = Dropout(x)  y = Neg(a)",
        "a, mask = Dropout(x, r, f)  y = Neg(a)",
        "a = Cast<to = 1>(x)  y = Neg(a)",
        "a = Reshape(x, s)  y = Neg(a)",
        "a = Neg(x)  b = Identity(a)  c = Dropout(b)  y = Identity(c)",
    ],
)
def test_removed(body: str) -> None:
    graph = graph_from_text(
        f"g (float[2, 3] x) => (float[2, 3] y) {{ {body} }}",
        {"r": np.array(0.5, np.float32), "f": np.array(False), "s": np.array([2, 3])},
    )
    run_passes(graph, [RemoveIdentity()])
    assert op_types(graph) == ["Neg"]
    assert [value.name for value in (*graph.inputs, *graph.outputs)] == ["x", "y"]
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], -x)


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("y = Identity(x)", "float[2, 3] y"),
        ("y = Identity(c)", "float[2, 3] y"),
        ("a = Cast<to = 11>(x)  y = Cast<to = 1>(a)", "float[2, 3] y"),
        ("a = Reshape(x, s)  y = Neg(a)", "float[3, 2] y"),
        ("y, m = Dropout(x, r, t)", "float[2, 3] y, bool[2, 3] m"),
        ("p = Neg(x)  y, m = Dropout(p)", "float[2, 3] y, bool[2, 3] m"),
        ("y = Abs(x)  z = Identity(y)", "float[2, 3] y, float[2, 3] z"),
    ],
)
def test_kept(body: str, outputs: str) -> None:
    graph = graph_from_text(
        f"g (float[2, 3] x) => ({outputs}) {{ {body} }}",
        {
            "c": np.ones((2, 3), np.float32),
            "r": np.array(0.5, np.float32),
            "t": np.array(True),
            "s": np.array([3, 2]),
        },
    )
    before = op_types(graph)
    run_passes(graph, [RemoveIdentity()])
    assert op_types(graph) == before


def test_reshape_to_the_same_symbols() -> None:
    graph = graph_from_text(
        "g (float[N, 3] x) => (float[N, 3] y) { a = Reshape(x, s)  y = Neg(a) }",
        {"s": np.array([0, 3])},
    )
    run_passes(graph, [RemoveIdentity()])
    assert op_types(graph) == ["Neg"]
