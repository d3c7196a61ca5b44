import numpy as np
import pytest

from bnn_engine.graph import Graph
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.levels_before_pool import LevelsBeforeMaxPool
from bnn_engine.passes.quantize_node import quantize_node
from tests.support.onnx_models import Array, graph_from_text, op_types

INF = np.float32(np.inf)
POOL = "MaxPool<kernel_shape = [2, 2], strides = [2, 1]>"


def _graph(body: str, kind: str, bounds: tuple[Array, Array], **more: object) -> Graph:
    graph = graph_from_text(f"g (float[N, 3, 6, 5] x) => (float[A] y) {{ {body}  y = Neg(p) }}")
    last = graph.nodes[-1]
    (source,) = last.reads()
    if kind == "Binarize":
        inside = 1.0 if more.get("inside", 1) == 1 else -1.0
        node = binarize_node(graph, source, *bounds, inside, last.outputs, "f")
    else:
        values = [0.0, 0.5, 1.0] if more.get("ascending", True) else [0.0, 1.0, 0.5]
        node = quantize_node(graph, source, *bounds, values, last.outputs, "f")
    graph.replace_node(last, [node])
    return graph


RISING = {
    "Binarize": (np.array([0, 1.5, INF], np.float32), np.array([INF, INF, -INF], np.float32)),
    "Quantize": (
        np.array([[-1, 0, 0.5], [1, INF, 2]], np.float32),
        np.array([[INF, INF, INF], [INF, -INF, INF]], np.float32),
    ),
}


@pytest.mark.parametrize("kind", RISING)
@pytest.mark.parametrize(
    ("body", "pools"), [(f"p = {POOL}(x)", 1), (f"q = {POOL}(x)  p = {POOL}(q)", 2)]
)
def test_levels_are_pooled(body: str, pools: int, kind: str) -> None:
    graph = _graph(body, kind, RISING[kind])
    x = np.round(np.random.default_rng(0).normal(size=(2, 3, 6, 5)) * 4).astype(np.float32) / 2
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [LevelsBeforeMaxPool()])
    assert op_types(graph) == [kind, *["MaxPool"] * pools]
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)
    assert len(np.unique(expected)) > 1


FALLING = np.full((2, 1), -INF), np.array([[2], [1]], np.float32)


@pytest.mark.parametrize(
    ("body", "kind", "bounds", "more"),
    [
        (f"p = {POOL}(x)", "Quantize", FALLING, {}),
        (f"p = {POOL}(x)", "Quantize", RISING["Quantize"], {"ascending": False}),
        (f"p = {POOL}(x)", "Binarize", (-RISING["Binarize"][1], RISING["Binarize"][0]), {}),
        (f"p = {POOL}(x)", "Binarize", RISING["Binarize"], {"inside": -1}),
        ("p = AveragePool<kernel_shape = [2, 2]>(x)", "Binarize", RISING["Binarize"], {}),
    ],
)
def test_what_falls_stays(
    body: str, kind: str, bounds: tuple[Array, Array], more: dict[str, object]
) -> None:
    graph = _graph(body, kind, bounds, **more)
    before = op_types(graph)
    run_passes(graph, [LevelsBeforeMaxPool()])
    assert op_types(graph) == before


def test_pools_that_others_read_stay() -> None:
    graph = _graph(f"p = {POOL}(x)", "Binarize", RISING["Binarize"])
    pool = graph.nodes[0]
    graph.outputs.append(pool.output)
    run_passes(graph, [LevelsBeforeMaxPool()])
    assert op_types(graph) == ["MaxPool", "Binarize"]
