import onnx
import pytest

from bnn_engine.errors import ModelFormatError, UnsupportedOpError
from bnn_engine.graph.protobuf import to_model
from bnn_engine.importer import import_model
from tests.support.onnx_models import model_from_text


def with_nodes(*nodes: onnx.NodeProto, opset: int = 21) -> onnx.ModelProto:
    model = model_from_text("g (float[N] x) => (float[N] y) { y = Relu(x) }", opset=opset)
    model.graph.node.extend(nodes)
    return model


def test_every_unknown_op_is_listed() -> None:
    model = with_nodes(
        onnx.helper.make_node("Quant", ["x"], ["a"], name="first", domain="some.domain"),
        onnx.helper.make_node("Quant", ["x"], ["b"], name="second"),
        onnx.helper.make_node("Unknown", ["x"], ["c"], domain="bnn_engine"),
    )
    model.opset_import.add(domain="bnn_engine", version=1)
    with pytest.raises(UnsupportedOpError) as caught:
        import_model(model)
    assert caught.value.problems == (
        "'first': op Quant, domain 'some.domain', opset not imported: custom ops of this domain "
        "are not known",
        "'second': op Quant, domain '', opset 21: no such op in this opset",
        "'c': op Unknown, domain 'bnn_engine', opset 1: the domain bnn_engine has no such op",
    )
    assert all(problem in str(caught.value) for problem in caught.value.problems)


def test_ops_newer_than_the_opset() -> None:
    with pytest.raises(UnsupportedOpError, match="no such op in this opset"):
        import_model(with_nodes(onnx.helper.make_node("Gelu", ["x"], ["a"]), opset=17))


def test_unknown_ops_in_subgraphs() -> None:
    model = model_from_text(
        """g (float[N] x, bool c) => (float[N] y) {
            y = If(c) <
                then_branch = t () => (float[N] p) { p = custom.Op(x) },
                else_branch = e () => (float[N] r) { r = Neg(x) }
            >
        }"""
    )
    with pytest.raises(UnsupportedOpError, match="'p': op Op, domain 'custom'"):
        import_model(model)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (onnx.helper.make_node("Add", ["x"], ["a"]), "it has 1 inputs"),
        (onnx.helper.make_node("Add", ["x", ""], ["a"]), "an input that it needs is left out"),
        (onnx.helper.make_node("Relu", ["x"], ["a", "b"]), "it has 2 outputs"),
        (onnx.helper.make_node("Transpose", ["x"], ["a"], perm=1), "'perm' is INT instead of INTS"),
        (
            onnx.helper.make_node("Relu", ["x"], ["a"], color=1),
            "attribute 'color' that the op does",
        ),
        (onnx.helper.make_node("Cast", ["x"], ["a"]), "lacks the attribute 'to'"),
    ],
)
def test_wrong_uses(node: onnx.NodeProto, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        import_model(with_nodes(node))


def test_machine_learning_ops_are_standard() -> None:
    model = with_nodes(
        onnx.helper.make_node("Binarizer", ["x"], ["b"], threshold=0.5, domain="ai.onnx.ml")
    )
    model.opset_import.add(domain="ai.onnx.ml", version=3)
    graph = import_model(model)
    assert [node.domain for node in graph.nodes] == ["", "ai.onnx.ml"]
    versions = {entry.domain: entry.version for entry in to_model(graph).opset_import}
    assert versions == {"": 21, "ai.onnx.ml": 3}
