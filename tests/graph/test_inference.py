import numpy as np
import pytest

from bnn_engine.graph import Graph, Node
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.importer import import_model
from bnn_engine.passes import run_passes
from tests.support.onnx_models import graph_from_text
from tests.support.seed_networks import binary_cnn

F32 = np.dtype(np.float32)


def test_types_and_shapes_are_found() -> None:
    graph = graph_from_text(
        """g (float[N, 2, 3] x) => (int64[A, B] y) {
            a = Transpose<perm = [0, 2, 1]>(x)  b = Flatten(a)  y = Cast<to = 7>(b)
        }"""
    )
    values = graph.values()
    assert values["a"].shape == ("N", 3, 2)
    assert values["b"].shape == ("N", 6)
    assert values["y"].dtype == np.int64
    assert values["y"].shape == ("N", 6)


def test_shape_arithmetic_cannot_exhaust_the_memory() -> None:
    bombs = ["r = Range(zero, far, one)"]
    parts = ["big"] * 60
    for name in ("a", "b", "c", "d", "r"):
        bombs.append(f"{name} = Concat<axis = 0>({', '.join(parts)})")
        parts = [name] * 60
    for body in (bombs[0], "  ".join(bombs[1:])):
        graph = graph_from_text(
            f"g (float[N] x) => (int64[A] y) {{ {body}  y = Neg(r) }}",
            {
                "zero": np.array(0),
                "far": np.array(2**50),
                "one": np.array(1),
                "big": np.ones(900, np.int64),
            },
        )
        run_passes(graph)
        assert graph.outputs[0].shape is not None


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
