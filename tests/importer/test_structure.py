from collections.abc import Callable

import numpy as np
import onnx
import pytest

from bnn_engine.errors import ModelFormatError
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes import run_passes
from tests.support.onnx_models import graph_from_text, model_from_text, op_types

TEXT = "g (float[N] x) => (float[N] y) { a = Abs(x)  b = Add(a, c)  y = Neg(b) }"


def model() -> onnx.ModelProto:
    return model_from_text(TEXT, {"c": np.ones(1, np.float32)})


def refuse(edit: Callable[[onnx.ModelProto], object], *messages: str) -> None:
    changed = model()
    edit(changed)
    with pytest.raises(ModelFormatError) as caught:
        import_model(changed)
    for message in messages:
        assert message in str(caught.value)


def test_inputs_that_do_not_exist_are_all_listed() -> None:
    def edit(m: onnx.ModelProto) -> None:
        m.graph.node[0].input[0] = "ghost"
        m.graph.node[2].input[0] = "phantom"

    refuse(edit, "node 'a' (Abs): its input 'ghost'", "node 'y' (Neg): its input 'phantom'")


def test_values_that_the_dynamo_exporter_loses() -> None:
    def edit(m: onnx.ModelProto) -> None:
        m.producer_name, m.producer_version = "pytorch", "2.13.0"
        m.graph.node.append(onnx.helper.make_node("Clip", ["y", "val_3"], ["z"], "clip"))

    refuse(edit, "node 'clip' (Clip): its input 'val_3' does not exist", "dynamo=False")


def test_names_defined_twice() -> None:
    refuse(lambda m: m.graph.node[1].output.__setitem__(0, "a"), "'a' is defined twice")
    refuse(lambda m: m.graph.node[1].output.__setitem__(0, "x"), "'x' is defined twice")
    refuse(lambda m: m.graph.node[1].output.__setitem__(0, "c"), "'c' is defined twice")
    refuse(
        lambda m: m.graph.initializer.append(m.graph.initializer[0]),
        "initializer 'c' is there twice",
    )
    refuse(lambda m: m.graph.input.append(m.graph.input[0]), "input 'x' is there twice")
    refuse(lambda m: m.graph.output.append(m.graph.output[0]), "output 'y' is listed twice")


def test_sparse_initializers() -> None:
    refuse(
        lambda m: m.graph.sparse_initializer.add(values=onnx.TensorProto(name="s")),
        "sparse initializer 's'",
    )


def test_outputs() -> None:
    refuse(lambda m: m.graph.output.pop(), "has no outputs")
    refuse(lambda m: m.graph.output.add(name="w"), "output 'w' does not exist")
    refuse(lambda m: m.graph.node.add(op_type="Abs", input=["x"]), "has no outputs")


def test_inputs_that_are_no_tensors() -> None:
    def sparse(m: onnx.ModelProto) -> None:
        m.graph.input[0].type.sparse_tensor_type.elem_type = 1

    refuse(sparse, "input 'x' has sparse_tensor_type")

    def sequence(m: onnx.ModelProto) -> None:
        m.graph.input[0].type.sequence_type.elem_type.sparse_tensor_type.elem_type = 1

    refuse(sequence, "input 'x' has sparse_tensor_type")
    refuse(lambda m: m.graph.input[0].ClearField("type"), "input 'x' has no type")

    def element(m: onnx.ModelProto) -> None:
        m.graph.input[0].type.tensor_type.elem_type = 12345

    refuse(element, "no element type")

    def extent(m: onnx.ModelProto) -> None:
        m.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -5

    refuse(extent, "impossible shape")


def test_cycles() -> None:
    refuse(lambda m: m.graph.node[0].input.__setitem__(0, "b"), "part of a cycle")


def test_deep_cycles_do_not_exhaust_the_stack() -> None:
    changed = model()
    del changed.graph.node[:]
    changed.graph.node.extend(
        onnx.helper.make_node("Neg", [f"v{(i + 1) % 5000}"], [f"v{i}"]) for i in range(5000)
    )
    changed.graph.output[0].name = "v0"
    with pytest.raises(ModelFormatError, match="part of a cycle"):
        import_model(changed)


def test_unsorted_nodes_are_sorted() -> None:
    changed = model()
    nodes = list(changed.graph.node)[::-1]
    del changed.graph.node[:]
    changed.graph.node.extend(nodes)
    graph = import_model(changed)
    graph.check()
    assert op_types(graph) == ["Abs", "Add", "Neg"]


def test_unsorted_subgraphs_are_sorted() -> None:
    graph = graph_from_text(
        """g (float[N] x, bool c) => (float[N] y) {
            y = If(c) <
                then_branch = t () => (float[N] p) { p = Neg(q)  q = Abs(late) },
                else_branch = e () => (float[N] r) { r = Neg(x) }
            >
            late = Relu(x)
        }"""
    )
    assert op_types(graph) == ["Relu", "If"]
    x = np.array([-1, 2], np.float32)
    assert evaluate(graph, {"x": x, "c": np.array(True)})["y"].tolist() == [0, -2]


def test_undefined_names_in_subgraphs() -> None:
    text = """g (float[N] x, bool c) => (float[N] y) {
        y = If(c) <
            then_branch = t () => (float[N] p) { p = Neg(nobody) },
            else_branch = e () => (float[N] r) { r = Neg(x) }
        >
    }"""
    with pytest.raises(ModelFormatError, match=r"node 'y' \(If\): sub-graph: .*'nobody'"):
        graph_from_text(text)


def test_initializers_listed_as_inputs_are_constants() -> None:
    changed = model()
    changed.graph.input.append(onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [1]))
    graph = import_model(changed)
    assert [value.name for value in graph.inputs] == ["x"]
    assert graph.values()["c"].const is not None


def test_the_default_domain_has_two_names() -> None:
    changed = model_from_text("g (float[N] x) => (float[N] y) { y = ai.onnx.LogSoftmax(x) }")
    changed.opset_import[0].domain = "ai.onnx"
    (node,) = import_model(changed).nodes
    assert node.domain == ""


def test_one_domain_has_one_version() -> None:
    refuse(lambda m: m.opset_import.add(domain="ai.onnx", version=11), "has two versions")


def test_attributes_of_functions_and_repeated_ones() -> None:
    def reference(m: onnx.ModelProto) -> None:
        m.graph.node[0].attribute.add(name="a", ref_attr_name="b", type=1)

    refuse(reference, "refers to that of a function")

    def repeat(m: onnx.ModelProto) -> None:
        for _ in range(2):
            m.graph.node[0].attribute.add(name="a", type=1)

    refuse(repeat, "attribute 'a' is there twice")


@pytest.mark.parametrize("old", [b"Abs", b"abc_name", b"an_input"])
def test_names_that_are_not_text(old: bytes) -> None:
    changed = model_from_text(
        "g (float[N] an_input) => (float[N] y) { abc_name = Abs(an_input)  y = Neg(abc_name) }"
    )
    data = changed.SerializeToString().replace(old, b"\xff" + old[1:])
    with pytest.raises(ModelFormatError, match="is not UTF-8"):
        import_model(data)


def test_input_passed_through() -> None:
    changed = model()
    changed.graph.output.append(changed.graph.input[0])
    graph = import_model(changed)
    run_passes(graph)
    x = np.ones(2, np.float32)
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["x"], x)


def test_anonymous_extents_get_symbols() -> None:
    changed = model()
    for extent in ("", "M"):
        changed.graph.input[0].type.tensor_type.shape.dim[0].dim_param = extent
        shape = import_model(changed).inputs[0].shape
        assert shape == ((extent or "x_0"),)
