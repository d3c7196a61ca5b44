import numpy as np
import onnx
import onnx.parser
import pytest

from bnn_engine.errors import ModelFormatError, UnsupportedOpError
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes import run_passes
from tests.support.onnx_models import model_from_text, op_types, run_onnxruntime
from tests.support.seed_networks import binary_mlp

RELU = "g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }"
X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 20, 21])
def test_older_opsets_become_21(opset: int) -> None:
    text = """g (float[N, 4] x) => (float[N, 4] y) {
        a = LeakyRelu<alpha = 0.5>(x)  b = Transpose<perm = [1, 0]>(a)
        c = Transpose<perm = [1, 0]>(b)  d = ReduceMean<axes = [1], keepdims = 1>(c)
        e = Sub(c, d)  y = LogSoftmax<axis = 1>(e)
    }"""
    if opset >= 18:
        text = text.replace("ReduceMean<axes = [1], keepdims = 1>(c)", "ReduceMean(c, axes)")
    constants = {"axes": np.array([1])} if opset >= 18 else {}
    model = model_from_text(text, constants, opset=opset)
    graph = import_model(model)
    assert graph.opset == 21
    assert {"x", "a", "b", "c", "d", "e", "y"} <= set(graph.values())
    (expected,) = run_onnxruntime(model, {"x": X})
    np.testing.assert_allclose(evaluate(graph, {"x": X})["y"], expected, rtol=1e-5, atol=1e-6)


def test_later_opsets_stay() -> None:
    assert import_model(model_from_text(RELU, opset=23)).opset == 23


def test_common_networks_need_no_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    assert import_model(binary_mlp(0).model).opset == 21


def test_opsets_nobody_knows() -> None:
    model = model_from_text(RELU)
    model.opset_import[0].version = 999
    with pytest.raises(ModelFormatError, match=r"follows opset 999 .* knows opsets up to"):
        import_model(model)
    del model.opset_import[:]
    with pytest.raises(ModelFormatError, match="imports no version of the default opset"):
        import_model(model)


def test_a_newer_version_of_our_domain() -> None:
    graph = import_model(binary_mlp(0).model)
    run_passes(graph)
    model = to_model(graph)
    for entry in model.opset_import:
        if entry.domain:
            entry.version = 2
    with pytest.raises(ModelFormatError, match="version 2 of the domain 'bnn_engine'"):
        import_model(model)
    for entry in model.opset_import:
        entry.version = 1 if entry.domain else 20
    with pytest.raises(ModelFormatError, match="needs 21 or later"):
        import_model(model)


FUNCTION = """<domain: "custom", opset_import: ["": 17]>
    Twice <factor>(v) => (w) {
        f = Constant<value_float: float = @factor>()
        t = Mul(v, f)
        w = Add(t, v)
    }"""


def test_functions_of_other_domains_are_inlined() -> None:
    model = model_from_text("g (float[N, 4] x) => (float[N, 4] y) { a = Neg(x) }", opset=17)
    model.opset_import.add(domain="custom", version=1)
    model.functions.append(onnx.parser.parse_function(FUNCTION))
    model.graph.node.append(
        onnx.helper.make_node("Twice", ["a"], ["y"], domain="custom", factor=3.0)
    )
    graph = import_model(model)
    assert set(op_types(graph)) == {"Neg", "Mul", "Add"}
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], -X * 3 - X)


def test_functions_that_call_unknown_ops() -> None:
    model = model_from_text("g (float[N, 4] x) => (float[N, 4] y) { y = custom.F(x) }", opset=17)
    model.opset_import.add(domain="custom", version=1)
    model.functions.append(
        onnx.parser.parse_function(
            '<domain: "custom", opset_import: ["": 17, "other": 1]>'
            "F (v) => (w) { w = other.Thing(v) }"
        )
    )
    with pytest.raises(UnsupportedOpError, match="op Thing, domain 'other'"):
        import_model(model)


def test_our_functions_are_ignored() -> None:
    graph = import_model(binary_mlp(0).model)
    run_passes(graph)
    model = to_model(graph)
    for function in model.functions:
        del function.node[:]
    again = import_model(model)
    assert op_types(again) == op_types(graph)


def test_what_the_converter_gets_wrong_is_refused() -> None:
    model = model_from_text(
        """g (float[1, 2] h, float[1, 3, 2] x) => (float[] y, float[] z) {
            y, z = Scan<num_scan_inputs = 1, body = b (float[2] i, float[2] n) =>
                (float[2] o, float[2] s) { o = Add(i, n) s = Identity(o) }>( , h, x)
        }""",
        opset=8,
    )
    with pytest.raises(UnsupportedOpError, match="Scan of opset 8"):
        import_model(model)
