from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes.mask_triangles import MaskTriangles
from tests.support import ort
from tests.support.onnx_models import graph_from_text, model_from_text, op_types


@pytest.mark.parametrize("k", [None, 0, 1, -2, 2**62, -(2**62)])
@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("kind", ["float", "double", "int64"])
def test_triangles(kind: str, upper: int, k: int | None) -> None:
    dtype = {"float": np.float32, "double": np.float64, "int64": np.int64}[kind]
    arguments = "x" if k is None else "x, k"
    text = (
        f"g ({kind}[2, 3, 4] x) => ({kind}[2, 3, 4] y) "
        f"{{ y = Trilu<upper = {upper}>({arguments}) }}"
    )
    constants = {} if k is None else {"k": np.asarray(k)}
    graph = graph_from_text(text, constants)
    MaskTriangles().run(graph)
    graph.check()
    assert op_types(graph) == ["Where"]
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, 4)).astype(dtype)
    if kind == "float":
        x[0, 0] = [np.inf, np.nan, -np.inf, -0.0]
    wanted = ort.run(model_from_text(text, constants), {"x": x})["y"]
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], wanted)


@pytest.mark.parametrize(
    "text",
    [
        "g (float[3, N] x) => (float[] y) { y = Trilu(x) }",
        "g (float[3, 4] x, int64 k) => (float[] y) { y = Trilu(x, k) }",
        "g (float[65536, 65536] x) => (float[] y) { y = Trilu(x) }",
    ],
)
def test_what_is_not_known_stays(text: str) -> None:
    graph = graph_from_text(text)
    MaskTriangles().run(graph)
    assert op_types(graph) == ["Trilu"]
