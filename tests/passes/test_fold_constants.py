import numpy as np
import pytest

from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.quantize_node import quantize_node
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

LATENT = """g (float[N, 40] x) => (float[N, 30] y) {
    s = Sign(latent)  a = Abs(latent)  m = ReduceMean<keepdims = 1>(a, axes)
    w = Mul(s, m)  t = Transpose<perm = [1, 0]>(w)  y = MatMul(x, t)
}"""


def test_latent_weights_are_folded() -> None:
    rng = np.random.default_rng(0)
    constants = {"latent": rng.normal(size=(30, 40)).astype(np.float32), "axes": np.array([1])}
    graph = graph_from_text(LATENT, constants)
    run_passes(graph, [FoldConstants()])
    assert op_types(graph) == ["MatMul"]
    x = rng.normal(size=(2, 40)).astype(np.float32)
    (expected,) = run_onnxruntime(model_from_text(LATENT, constants), {"x": x})
    np.testing.assert_allclose(evaluate(graph, {"x": x})["y"], expected, rtol=1e-5, atol=1e-5)


def test_shapes_that_fold_on_the_way() -> None:
    graph = graph_from_text(
        """g (float[N, 6] x) => (float[N, 6] y) {
            h = Div(six, two)  c = ConcatFromSequence<axis = 0>(q)  q = SequenceConstruct(h, h)
            e = Expand(one, c)  s = ReduceSum(e)  y = Mul(x, s)
        }""",
        {
            "six": np.array([6]),
            "two": np.array([2]),
            "one": np.ones(1, np.float32),
        },
    )
    run_passes(graph, [FoldConstants()])
    x = np.ones((1, 6), np.float32)
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], 9 * x)


@pytest.mark.parametrize(
    "node",
    [
        "c = ConstantOfShape(huge)",
        "c = Expand(one, huge)",
        "c = Tile(one2, huge)",
        "c = Pad(one2, pads)",
        "r = Range(zero, far, step)  c = Cast<to = 1>(r)",
    ],
)
def test_bombs_are_not_expanded(node: str) -> None:
    graph = graph_from_text(
        f"""g (float[N] x) => (float[N] y) {{
            {node}  s = ReduceMax<keepdims = 0>(c)  y = Add(x, s)
        }}""",
        {
            "huge": np.array([2**20, 2**20]),
            "one": np.ones(1, np.float32),
            "one2": np.ones((1, 1), np.float32),
            "pads": np.array([0, 0, 2**30, 2**30]),
            "zero": np.array(0),
            "far": np.array(2**50),
            "step": np.array(1),
        },
    )
    run_passes(graph, [FoldConstants()])
    assert op_types(graph)[-2:] == ["ReduceMax", "Add"]


def test_random_and_failing_nodes_stay() -> None:
    graph = graph_from_text(
        """g (float[N] x) => (float[N] y) {
            r = RandomUniform<shape = [1]>()  b = Bernoulli(p)
            t = Gather(p, far)
            a = Add(x, r)  c = Add(a, b)  y = Add(c, t)
        }""",
        {"p": np.full(1, 0.5, np.float32), "far": np.array([99])},
    )
    run_passes(graph, [FoldConstants()])
    assert op_types(graph)[:3] == ["RandomUniform", "Bernoulli", "Gather"]


def test_constant_outputs() -> None:
    graph = graph_from_text(
        "g (float[N] x) => (float[N] y, float[2] z) { y = Neg(x)  z = Neg(c) }",
        {"c": np.ones(2, np.float32)},
    )
    run_passes(graph, [FoldConstants()])
    assert op_types(graph) == ["Neg"]
    assert graph.outputs[1].name == "z"
    found = evaluate(graph, {"x": np.ones(1, np.float32)})
    np.testing.assert_array_equal(found["z"], -np.ones(2))
    _, z = run_onnxruntime(to_model(graph), {"x": np.ones(1, np.float32)})
    np.testing.assert_array_equal(z, -np.ones(2))


def test_ops_of_our_domain_are_folded() -> None:
    graph = graph_from_text(
        "g (float[N, 3] x) => (float[N, 2] y) { w = Relu(latent)  y = MatMul(x, w) }",
        {"latent": np.array([[-2, -1], [0, 1], [2, 3]], np.float32)},
    )
    relu = graph.nodes[0]
    (latent,) = relu.reads()
    levels = np.array([[0], [2]], np.float32)
    node = quantize_node(graph, latent, levels, levels * 0 + 2, [-1, 0, 1], relu.outputs, "q")
    graph.replace_node(relu, [node])
    run_passes(graph, [FoldConstants()])
    assert op_types(graph) == ["MatMul"]
    weights = graph.nodes[0].inputs[1]
    assert weights is not None
    assert weights.const is not None
    assert weights.const.tolist() == [[-1, -1], [0, 0], [1, -1]]
