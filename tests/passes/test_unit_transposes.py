"""A Transpose that only moves axes of extent 1 is a Reshape."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.unit_transposes import UnitTransposes
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime


@pytest.mark.parametrize(
    ("shape", "order", "becomes"),
    [
        ("N, 1, 1, 6", [0, 3, 1, 2], "Reshape"),
        ("N, 6, 1, 1", [0, 2, 3, 1], "Reshape"),
        ("N, 1, 5, 6", [0, 2, 1, 3], "Reshape"),
        ("N, 1, M", [0, 2, 1], "Reshape"),
        ("1, N, 3", [1, 0, 2], "Transpose"),
        ("2, 1, N, M", [0, 2, 3, 1], "Transpose"),
        ("N, 1, 5, 6", [0, 3, 1, 2], "Transpose"),
        ("N, 2, 1", [1, 0, 2], "Transpose"),
    ],
)
def test_unit_axes(shape: str, order: list[int], becomes: str) -> None:
    text = f"g (float[{shape}] x) => (float[] y) {{ a = Transpose<perm={order}>(x) y = Neg(a) }}"
    graph = graph_from_text(text)
    run_passes(graph, [UnitTransposes()])
    assert op_types(graph) == [becomes, "Neg"]
    extents = [{"N": 4, "M": 3}.get(extent) or int(extent) for extent in shape.split(", ")]
    x = {"x": np.random.default_rng(0).normal(size=extents).astype(np.float32)}
    (wanted,) = run_onnxruntime(model_from_text(text), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_array_equal(got, wanted)
