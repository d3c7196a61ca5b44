import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.hoist_casts import HoistCasts
from tests.support.onnx_models import graph_from_text, op_types

CONSTANTS = {"s": np.array([0, -1]), "t": np.array([-1, 2, 3])}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("a = Reshape(x, s)  y = Cast<to = 1>(a)", ["Cast", "Reshape"]),
        ("a = Flatten(x)  y = Cast<to = 1>(a)", ["Cast", "Flatten"]),
        ("a = Transpose<perm = [2, 0, 1]>(x)  y = Cast<to = 1>(a)", ["Cast", "Transpose"]),
        (
            "a = Transpose<perm = [2, 0, 1]>(x)  b = Reshape(a, t)"
            "  c = Cast<to = 1>(b)  y = Neg(c)",
            ["Cast", "Transpose", "Reshape", "Neg"],
        ),
    ],
)
def test_hoisted(body: str, wanted: list[str], dtype: str) -> None:
    text = f"g ({dtype}[2, 2, 3] x) => (float[] y) {{ {body} }}"
    graph, original = (graph_from_text(text, CONSTANTS) for _ in range(2))
    run_passes(graph, [HoistCasts()])
    assert op_types(graph) == wanted
    assert graph.nodes[0].inputs[0] is graph.inputs[0]
    assert all(value.dtype == np.float32 for node in graph.nodes for value in node.outputs)
    x = np.arange(-3, 9).reshape(2, 2, 3).astype(dtype)
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], evaluate(original, {"x": x})["y"])


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("a = Reshape(x, s)  y = Cast<to = 1>(a)", "float[] y, uint8[] a"),
        ("a = Reshape(x, s)  y = Cast<to = 1>(a)  z = Cast<to = 6>(a)", "float[] y, int32[] z"),
        ("a = Reshape(x, s)  y = Cast<to = 6>(a)", "int32[] y"),
        ("a = Add(x, x)  y = Cast<to = 1>(a)", "float[] y"),
        ("y = Cast<to = 1>(x)", "float[] y"),
    ],
)
def test_kept(body: str, outputs: str) -> None:
    graph = graph_from_text(f"g (uint8[2, 2, 3] x) => ({outputs}) {{ {body} }}", CONSTANTS)
    before = op_types(graph)
    run_passes(graph, [HoistCasts()])
    assert op_types(graph) == before
