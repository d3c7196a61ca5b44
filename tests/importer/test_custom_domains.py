"""QONNX and FINN ops under any domain, with or without opset imports, at any opset."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import bnn_engine
from bnn_engine.errors import ModelFormatError, UnsupportedOpError
from bnn_engine.graph import Graph
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.ops import DOMAIN
from tests.support.onnx_models import run_onnxruntime

DOMAINS = ["", "ai.onnx", "finn.custom_op.general", "onnx.brevitas", "qonnx.custom_op.general"]
QUANT: dict[str, Any] = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
X = np.array([[-3.0, -0.6, 0.0, 0.5, 1.5, 9.0]], np.float32)


def _model(
    nodes: list[onnx.NodeProto],
    imports: dict[str, int],
    constants: dict[str, Any] | None = None,
    functions: list[onnx.FunctionProto] | None = None,
) -> onnx.ModelProto:
    numbers = {"s": np.float32(0.5), "z": np.float32(0), "b": np.float32(3), **(constants or {})}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in numbers.items()],
    )
    opsets = [helper.make_opsetid(*entry) for entry in imports.items()]
    return helper.make_model(graph, opset_imports=opsets, functions=functions or [])


def _quant(domain: str, op: str = "Quant", output: str = "y", **attributes: Any) -> onnx.NodeProto:
    inputs = ["x", "s", "z", "b"]
    return helper.make_node(op, inputs, [output], "q", domain=domain, **{**QUANT, **attributes})


def _attributes(graph: Graph) -> dict[str, Any]:
    (node,) = graph.nodes
    return node.attributes


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_every_domain(domain: str, imported: bool, op: str) -> None:
    named = imported and domain not in ("", "ai.onnx")
    imports = {"": 13, **({domain: 1} if named else {})}
    graph = import_model(_model([_quant(domain, op)], imports))
    (node,) = graph.nodes
    assert (node.domain, node.op_type, node.name) == (DOMAIN, "IntQuant", "q")
    assert not graph.analysed
    assert graph.outputs[0].shape == ("N", 6)
    expected = np.array([[-2, -0.5, 0, 0.5, 1.5, 1.5]], np.float32)
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], expected)


@pytest.mark.parametrize("opset", [7, 9, 11, 12, 13, 17, 20, 21, 23])
@pytest.mark.parametrize("domain", DOMAINS)
def test_beside_standard_ops_of_any_opset(opset: int, domain: str) -> None:
    nodes = [
        _quant(domain, output="q"),
        helper.make_node("Softmax", ["q"], ["p"], axis=1),
        helper.make_node("Dropout", ["p"], ["y"]),
    ]
    graph = import_model(_model(nodes, {"": opset}))
    assert graph.opset == max(opset, 21)
    softmax = np.exp(np.array([[-2, -0.5, 0, 0.5, 1.5, 1.5]], np.float32))
    softmax /= softmax.sum()
    np.testing.assert_allclose(evaluate(graph, {"x": X})["y"], softmax, rtol=1e-5)
    np.testing.assert_allclose(bnn_engine.load(to_model(graph)).predict(X), softmax, rtol=1e-5)


def test_a_model_without_standard_ops_needs_no_default_opset() -> None:
    model = _model([_quant("")], {"onnx.brevitas": 1}, {"b": np.int64(3)})
    assert [node.op_type for node in import_model(model).nodes] == ["Cast", "IntQuant"]


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float64])
def test_operands_of_other_types(dtype: type) -> None:
    nodes = [_quant("onnx.brevitas", output="q"), _quant("onnx.brevitas")]
    model = _model(nodes, {"": 20}, {"b": dtype(3), "b_float": np.ones(1)})
    graph = import_model(model)
    assert [node.op_type for node in graph.nodes] == ["Cast", "IntQuant", "IntQuant"]
    assert bnn_engine.load(model).predict(X).dtype == np.float32


def test_missing_attributes_have_the_defaults_of_the_specification() -> None:
    def attributes(op: str, count: int) -> dict[str, Any]:
        inputs = ["x", "s", "z", "b", "s", "b"][:count]
        node = helper.make_node(op, inputs, ["y"], domain=DOMAINS[-1])
        return _attributes(import_model(_model([node], {"": 20})))

    assert attributes("Quant", 4) == {"narrow": 0, "rounding_mode": "ROUND", "signed": 1}
    assert attributes("Trunc", 5) == {"rounding_mode": "FLOOR"}
    assert attributes("Trunc", 6) == {"narrow": 0, "rounding_mode": "FLOOR", "signed": 1}
    node = helper.make_node("MultiThreshold", ["x", "t"], ["y"], domain=DOMAINS[2])
    graph = import_model(_model([node], {"": 20}, {"t": np.zeros((1, 1), np.float32)}))
    assert _attributes(graph) == {"axis": 0, "out_bias": 0.0, "out_scale": 1.0}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("round", "ROUND"), ("HALF_EVEN", "ROUND"), ("round_to_zero", "DOWN"), ("Half_Up", "HALF_UP")],
)
def test_names_of_rounding_modes(written: str, meant: str) -> None:
    graph = import_model(_model([_quant("", rounding_mode=written)], {"": 20}))
    assert _attributes(graph)["rounding_mode"] == meant


def test_within_functions() -> None:
    inside = helper.make_function(
        "local",
        "Block",
        ["x", "s", "z", "b"],
        ["y"],
        [_quant("qonnx.custom_op.general")],
        [helper.make_opsetid("", 20), helper.make_opsetid("qonnx.custom_op.general", 1)],
    )
    call = helper.make_node("Block", ["x", "s", "z", "b"], ["y"], domain="local")
    graph = import_model(_model([call], {"": 20, "local": 1}, functions=[inside]))
    assert [(node.domain, node.op_type) for node in graph.nodes] == [(DOMAIN, "IntQuant")]


def test_ops_that_the_model_defines_itself() -> None:
    body = [helper.make_node("Neg", ["x"], ["y"])]
    own = helper.make_function(
        "onnx.brevitas", "Quant", ["x", "s", "z", "b"], ["y"], body, [helper.make_opsetid("", 20)]
    )
    node = helper.make_node("Quant", ["x", "s", "z", "b"], ["y"], domain="onnx.brevitas")
    graph = import_model(_model([node], {"": 20, "onnx.brevitas": 1}, functions=[own]))
    assert [node.op_type for node in graph.nodes] == ["Neg"]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (_quant("", rounding_mode="SIDEWAYS"), r"'q' \(Quant\): .*'SIDEWAYS' is none of CEIL"),
        (_quant("", signed=3), "attribute 'signed': 3 is neither 0 nor 1"),
        (_quant("", colour=1), "attribute 'colour' that the op does not know"),
        (helper.make_node("Quant", ["x", "s"], ["y"]), "needs 4 inputs .* it has 2"),
        (helper.make_node("Trunc", ["x", "s"], ["y"]), "needs 5 or 6 inputs .* it has 2"),
        (helper.make_node("Quant", ["x", "s", "", "b"], ["y"]), "none left out"),
        (
            helper.make_node("MultiThreshold", ["x", "s"], ["y"], data_layout="CHW"),
            "'CHW' is no layout with channels behind the batch",
        ),
        (
            helper.make_node("MultiThreshold", ["x", "s"], ["y"], out_scale="1"),
            "'1' is no number",
        ),
        (helper.make_node("MultiThreshold", ["x", "s"], ["y"]), "instead of .channels, levels."),
    ],
)
def test_wrong_uses(node: onnx.NodeProto, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        import_model(_model([node], {"": 20}))


def test_all_problems_are_listed() -> None:
    nodes = [_quant("", signed=3, output="a"), _quant("", narrow=-1, output="y")]
    nodes[1].input[0] = "a"
    with pytest.raises(ModelFormatError) as caught:
        import_model(_model(nodes, {"": 999}))
    assert all(text in str(caught.value) for text in ("signed", "narrow", "opset 999"))


def test_other_ops_of_these_domains_are_refused() -> None:
    nodes = [
        helper.make_node("FloatQuant", ["x", "s"], ["a"], "f", domain="qonnx.custom_op.general"),
        helper.make_node("Im2Col", ["a"], ["y"], "i", domain="finn.custom_op.general"),
    ]
    with pytest.raises(UnsupportedOpError) as caught:
        import_model(_model(nodes, {"": 20}))
    assert "'f': op FloatQuant" in str(caught.value)
    assert "of QONNX and FINN, BipolarQuant, IntQuant" in str(caught.value)
    assert "'i': op Im2Col" in str(caught.value)


def test_doubles_are_refused() -> None:
    model = _model([_quant("")], {"": 20})
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(ModelFormatError, match="input 'x' is float64 instead of float32"):
        import_model(model)


def test_saved_stages_run_in_onnxruntime_and_reload_as_analysed() -> None:
    model = to_model(import_model(_model([_quant("onnx.brevitas")], {"": 20})))
    (answer,) = run_onnxruntime(model, {"x": X})
    again = import_model(model)
    assert again.analysed
    np.testing.assert_array_equal(evaluate(again, {"x": X})["y"], answer)
