from typing import Any

import numpy as np
import onnx
import onnx.checker
import pytest
from numpy.typing import NDArray

from bnn_engine.graph import Graph, Node
from bnn_engine.graph.protobuf import constant_value, from_model, to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.ops import DOMAIN, OPS, pack_signs
from bnn_engine.passes import run_passes
from tests.support.onnx_models import (
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
    signs,
)
from tests.support.seed_networks import Example, binary_cnn, binary_mlp

F32 = np.dtype(np.float32)


def test_names_shapes_and_constants_survive() -> None:
    graph = graph_from_text(
        "g (float[N, 3, H] x) => (float[N, 3, H] y) { a = Relu(x)  y = Add(a, c) }",
        {"c": np.ones((3, 1), np.float32)},
    )
    again = from_model(to_model(graph))
    assert [v.name for v in again.inputs + again.outputs] == ["x", "y"]
    values = again.values()
    assert values["a"].shape == ("N", 3, "H")
    assert values["a"].dtype == F32
    np.testing.assert_array_equal(values["c"].const, np.ones((3, 1)))
    assert [node.origins for node in again.nodes] == [("Relu a",), ("Add y",)]


@pytest.mark.parametrize("make", [binary_mlp, binary_cnn])
def test_same_graph_same_bytes_and_stable_under_reload(make: Any) -> None:
    example: Example = make(1)
    data = []
    for _ in range(2):
        graph = import_model(example.model)
        run_passes(graph)
        data.append(to_model(graph).SerializeToString(deterministic=True))
    assert data[0] == data[1]
    again = import_model(data[0])
    assert to_model(again).SerializeToString(deterministic=True) == data[0]


@pytest.mark.parametrize("make", [binary_mlp, binary_cnn])
def test_packed_model_runs_in_onnxruntime(make: Any) -> None:
    example: Example = make(2)
    graph = import_model(example.model)
    run_passes(graph)
    packed = to_model(graph)
    onnx.checker.check_model(packed)
    (expected,) = run_onnxruntime(example.model, {"x": example.x})
    (actual,) = run_onnxruntime(packed, {"x": example.x})
    np.testing.assert_array_equal(actual, expected)


def test_only_bodies_that_are_used_are_written() -> None:
    example = binary_mlp(3)
    graph = import_model(example.model)
    assert not to_model(graph).functions
    run_passes(graph)
    names = [function.name for function in to_model(graph).functions]
    assert names == [
        "BinaryGemm",
        "BinaryWeightGemm",
        "Binarize",
        "UnpackSigns",
    ] or names == sorted(["BinaryGemm", "BinaryWeightGemm", "Binarize", "UnpackSigns"])


def test_reasons_and_origins_survive() -> None:
    graph = import_model(binary_mlp(4).model)
    run_passes(graph)
    again = import_model(to_model(graph))
    assert again.reasons == graph.reasons
    assert again.reasons
    assert [n.origins for n in again.nodes] == [n.origins for n in graph.nodes]


def test_no_documentation_is_written() -> None:
    model = binary_mlp(5).model
    model.doc_string = "secret"
    model.graph.doc_string = "secret"
    model.graph.node[0].doc_string = "secret /home/me"
    assert b"secret" not in to_model(import_model(model)).SerializeToString()


ATTRIBUTES: dict[str, Any] = {
    "f": 0.1,
    "fs": [1.5, 2.0],
    "i": 3,
    "is": [1, 2],
    "none": [],
    "s": "text",
    "ss": ["a", "b"],
    "t": np.arange(6, dtype=np.int8).reshape(2, 3),
}


def test_attributes_survive() -> None:
    graph = Graph("g")
    x = graph.value("x", F32, (2,))
    graph.inputs = [x]
    node = Node("Custom", [x, None, x], [graph.value("y", F32, (2,))], dict(ATTRIBUTES))
    graph.append(node)
    graph.outputs = [node.output]
    (again,) = from_model(to_model(graph)).nodes
    assert set(again.attributes) == set(ATTRIBUTES)
    for name, value in ATTRIBUTES.items():
        read = again.attributes[name]
        if isinstance(value, np.ndarray):
            assert isinstance(read, np.ndarray)
            np.testing.assert_array_equal(read, value)
        else:
            assert read == (np.float32(value) if name == "f" else value)
    assert again.inputs[1] is None


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float64, np.int8, np.uint64, np.bool_, np.complex64]
)
def test_constant_types_survive(dtype: type) -> None:
    array: NDArray[Any] = np.array([[0, 1], [1, 0]], dtype=dtype)
    graph = graph_from_text(
        "g (float[2, 2] x) => (float[2, 2] y) { y = Identity(x) }", {"c": array}
    )
    assert not graph.constants()  # nobody reads it
    graph = Graph("g")
    c = graph.constant("c", array)
    graph.append(Node("Identity", [c], [graph.value("y", array.dtype, array.shape)]))
    graph.outputs = [graph.nodes[0].output]
    (again,) = from_model(to_model(graph)).constants()
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again.const, array)


def test_strings_survive() -> None:
    array = np.array(["a", "bc"], dtype=object)
    graph = Graph("g")
    graph.append(Node("Identity", [graph.constant("c", array)], [graph.value("y")]))
    graph.outputs = [graph.nodes[0].output]
    (again,) = from_model(to_model(graph)).constants()
    assert again.const is not None
    assert again.const.tolist() == ["a", "bc"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"value": np.float32(2).reshape(())}, np.float32(2)),
        ({"value_float": 2.5}, np.float32(2.5)),
        ({"value_ints": [1, 2]}, np.array([1, 2])),
        ({"value_strings": ["a"]}, np.array(["a"], dtype=object)),
    ],
)
def test_constant_nodes_become_constants(attributes: Any, expected: Any) -> None:
    array = constant_value(attributes)
    assert array is not None
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


def test_sparse_constants_stay_nodes() -> None:
    assert constant_value({"sparse_value": object()}) is None


IF_MODEL = """g (float[N] x, bool c) => (float[N] y) {
    a = Abs(x)
    y = If(c) <
        then_branch = t () => (float[N] p) {
            one = Constant<value = float {1.0}>()
            p = Add(a, one)
        },
        else_branch = e () => (float[N] q) { q = Neg(x) }
    >
}"""


def test_subgraphs_follow_renamed_values() -> None:
    graph = graph_from_text(IF_MODEL)
    x = np.array([1, -2], np.float32)
    (branch,) = [node for node in graph.nodes if node.op_type == "If"]
    assert set(branch.captures) == {"a", "x"}
    graph.values()["a"].name = "renamed"
    graph.check()
    for condition, expected in ((True, np.abs(x) + 1), (False, -x)):
        feeds = {"x": x, "c": np.array(condition)}
        (actual,) = run_onnxruntime(to_model(graph), feeds)
        np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(evaluate(graph, feeds)["y"], expected)


def test_omitted_outputs_get_names() -> None:
    model = model_from_text(
        "g (float[N, 4] x) => (float[N, 2] y) { y, i = TopK(x, k) }", {"k": np.array([2])}
    )
    model.graph.node[0].output[1] = ""
    graph = import_model(model)
    graph.check()
    assert op_types(graph) == ["TopK"]
    assert len(run_onnxruntime(to_model(graph), {"x": np.ones((1, 4), np.float32)})) == 1


def test_weights_can_be_left_out() -> None:
    graph = Graph("g")
    x = graph.value("x", F32, ("N", 9))
    graph.inputs = [x]
    bits = graph.constant("w", pack_signs(signs(np.random.default_rng(0), (4, 9))))
    node = Node("BinaryGemm", [x, bits], [graph.value("y")], {"features": 9}, domain=DOMAIN)
    graph.append(node)
    graph.outputs = [node.output]
    model = to_model(graph, is_weight=lambda _: True)
    assert not model.graph.initializer
    assert [info.name for info in model.graph.input] == ["x", "w"]
    assert bits.const is not None
    again = from_model(model, {"w": bits.const})
    assert [value.name for value in again.inputs] == ["x"]
    assert again.nodes[0].op_type in OPS
