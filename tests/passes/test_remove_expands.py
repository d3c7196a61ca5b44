"""Expand goes where the op behind it broadcasts to the same shape."""

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.remove_expands import RemoveExpands
from bnn_engine.passes.resolve_shapes import ResolveShapes
from tests.support.onnx_models import Array, graph_from_text, op_types

CONSTANTS: dict[str, Array] = {
    "bias": np.arange(3, dtype=np.float32).reshape(1, 3, 1, 1),
    "row": np.arange(2, dtype=np.float32),
    "shape": np.array([2, 3, 2, 2]),
    "batch": np.array([5, 1, 1, 1]),
    "sizes": np.array([3, 2, 2]),
}


@pytest.mark.parametrize(
    "body",
    [
        "s = Shape(x)  e = Expand(bias, s)  y = Add(x, e)",
        "s = Shape(x)  e = Expand(bias, s)  y = Sub(e, x)",
        "s = Shape(x)  e = Expand(row, s)  p = Less(x, e)  y = Cast<to = 1>(p)",
        """s = Shape<start = 0, end = 1>(x)  t = Concat<axis = 0>(s, sizes)  e = Expand(bias, t)
        y = Mul(x, e)""",
        """s = Shape(x)  e = Expand(bias, s)  f = Expand(row, s)  p = Less(x, e)
        y = Where(p, x, f)""",
    ],
)
@pytest.mark.parametrize("batch", ["N", "2"])
def test_removed(body: str, batch: str) -> None:
    text = f"g (float[{batch}, 3, 2, 2] x) => (float[{batch}, 3, 2, 2] y) {{ {body} }}"
    graph = graph_from_text(text, CONSTANTS)
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 2)).astype(np.float32)
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [ResolveShapes(), RemoveExpands()])
    assert not {"Expand", "Shape", "Concat"}.intersection(op_types(graph))
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def test_the_shape_of_x_need_not_be_known() -> None:
    graph = graph_from_text(
        """g (float[N, 1, A, B] x) => (float[N, C, A, B] y) {
            z = Abs(x)  s = Shape(z)  e = Expand(bias, s)  y = Add(z, e)
        }""",
        CONSTANTS,
    )
    run_passes(graph, [RemoveExpands()])
    assert op_types(graph) == ["Abs", "Add"]
    x = np.ones((2, 1, 2, 2), np.float32)
    assert evaluate(graph, {"x": x})["y"].shape == (2, 3, 2, 2)


@pytest.mark.parametrize(
    "body",
    [
        "e = Expand(x, batch)  y = Add(x, e)",
        "e = Expand(x, batch)  y = Neg(e)",
        "s = Shape(x)  e = Expand(bias, s)  f = Expand(row, s)  y = Add(e, f)",
        "s = Shape<start = 1>(x)  e = Expand(row, s)  y = Concat<axis = 0>(e, e)",
    ],
)
def test_kept(body: str) -> None:
    graph = graph_from_text(
        f"g (float[1, 3, 2, 2] x) => (float[A, B, C, D] y) {{ {body} }}", CONSTANTS
    )
    before = op_types(graph)
    run_passes(graph, [RemoveExpands()])
    assert op_types(graph) == before
