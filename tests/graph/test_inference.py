import numpy as np
import pytest

from bnn_engine.graph import Graph, Node
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.importer import import_model
from bnn_engine.passes import run_passes
from tests.support.onnx_models import graph_from_text
from tests.support.seed_networks import binary_cnn

F32 = np.dtype(np.float32)


def test_shape_arithmetic_is_followed() -> None:
    graph = graph_from_text(
        """g (float[N, 2, 3] x) => (float[M, 6] y) {
            s = Shape(x)  i = Constant<value = int64[1] {0}>()  n = Gather(s, i)
            m = Constant<value = int64[1] {-1}>()  t = Concat<axis = 0>(n, m)
            y = Reshape(x, t)
        }"""
    )
    assert graph.values()["t"].shape == (2,)
    assert graph.outputs[0].rank == 2


def test_ops_of_our_domain_are_inferred() -> None:
    graph = import_model(binary_cnn(0).model)
    run_passes(graph)
    known = {name: (value.dtype, value.shape) for name, value in graph.values().items()}
    for node in graph.nodes:
        for value in node.outputs:
            value.shape, value.dtype = None, None
    infer_shapes(graph)
    assert {name: (value.dtype, value.shape) for name, value in graph.values().items()} == known


def test_invented_symbols_do_not_show() -> None:
    graph = graph_from_text("g (float[N] x) => (int64[A, B] y) { y = NonZero(x) }")
    assert graph.outputs[0].shape == (1, None)


def test_failure_leaves_shapes_unknown(caplog: pytest.LogCaptureFixture) -> None:
    graph = Graph("g")
    x = graph.value("x", F32, (2, 3))
    graph.inputs = [x]
    graph.append(Node("NoSuchOp", [x], [graph.value("y")]))
    graph.outputs = [graph.nodes[0].output]
    infer_shapes(graph)
    assert graph.outputs[0].shape is None
    assert "NoSuchOp" in caplog.text or graph.outputs[0].dtype is None
