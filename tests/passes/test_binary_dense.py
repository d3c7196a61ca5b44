import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.binary_dense import BinaryDenseLayers
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
    signs,
)

RNG = np.random.default_rng(0)
SIGN = "p = Greater(x, zero)  s = Where(p, one, minus)"
CONSTANTS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "one": np.ones((), np.float32),
    "minus": -np.ones((), np.float32),
    "w": signs(RNG, (11, 5)),
    "wt": signs(RNG, (5, 11)),
    "scaled": signs(RNG, (5, 11)) * np.array([1, 2, 0, 0.3, 7], np.float32)[:, None],
    "b": np.arange(5, dtype=np.float32),
    "b1": np.full(1, 3, np.float32),
    "b0": np.full((), 3, np.float32),
    "row": np.arange(5, dtype=np.float32)[None],
}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("layer", "added"),
    [
        ("MatMul({x}, w)", []),
        ("Gemm({x}, w)", []),
        ("Gemm<transB = 1>({x}, wt, b)", ["Add"]),
        ("Gemm<transB = 1>({x}, wt, b1)", ["Add"]),
        ("Gemm<transB = 1>({x}, wt, b0)", ["Add"]),
        ("Gemm<transB = 1>({x}, wt, row)", ["Add"]),
        ("Gemm<transB = 1, beta = 0.5>({x}, wt, b)", ["Add"]),
        ("Gemm<transB = 1, beta = 0.0>({x}, wt, b)", []),
        ("Gemm<transB = 1, alpha = 2.5>({x}, wt)", ["Mul"]),
        ("Gemm<transB = 1, alpha = -1.0>({x}, wt)", []),
        ("Gemm<transB = 1, alpha = -0.3>({x}, scaled, b)", ["Mul", "Add"]),
        ("Gemm<transB = 1>({x}, scaled)", ["Mul"]),
        ("Gemm<transB = 1>({x}, wt, v)", ["Add"]),
    ],
)
def test_dense_layers(layer: str, added: list[str], binary: bool) -> None:
    text = f"""g (float[N, 11] x, float[N, 5] v) => (float[N, 5] y) {{
        {SIGN if binary else ""}  y = {layer.format(x="s" if binary else "x")}
    }}"""
    graph = graph_from_text(text, CONSTANTS)
    run_passes(graph, [RecogniseActivations(), BinaryDenseLayers()])
    layers = ["Binarize", "BinaryGemm"] if binary else ["BinaryWeightGemm"]
    assert op_types(graph) == layers + added
    feeds = {
        "x": RNG.normal(size=(4, 11)).astype(np.float32),
        "v": RNG.normal(size=(4, 5)).astype(np.float32),
    }
    (expected,) = run_onnxruntime(model_from_text(text, CONSTANTS), feeds)
    np.testing.assert_allclose(evaluate(graph, feeds)["y"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "body", "reason"),
    [
        ("float[N, 11] x", "y = MatMul(x, real)", "weights have 11 levels in row 0"),
        ("float[N, 11] x", "r = Relu(x)  y = MatMul(r, r)", "not constant: comes from Relu 'r'"),
        ("float[11, 4] x", "y = Gemm<transA = 1>(x, w)", "the input is transposed"),
        ("float[N, 3, 11] x", "y = MatMul(x, w)", "of rank 3"),
        ("float[N, 11] x", "y = Gemm(x, w, many)", "bias differs between the rows"),
        ("float[N, 11] x, float[5] v", "y = Gemm<beta = 2.0>(x, w, v)", "bias is not constant"),
        ("float[N, 11] x", "y = Gemm<alpha = 1e-40>(x, w)", "leaves the normal float32 numbers"),
        ("double[N, 11] x", "y = MatMul(x, double)", "input is float64"),
        ("float[N, 10] x", "y = MatMul(x, w)", "weights have 11 features, the input has 10"),
    ],
)
def test_reasons(inputs: str, body: str, reason: str) -> None:
    graph = graph_from_text(
        f"g ({inputs}) => (float[A, B] y) {{ {body} }}",
        {
            **CONSTANTS,
            "real": RNG.normal(size=(11, 5)).astype(np.float32),
            "double": np.ones((11, 5)),
            "many": np.ones((4, 5), np.float32),
        },
    )
    run_passes(graph, [BinaryDenseLayers()])
    assert op_types(graph)[-1] in ("Gemm", "MatMul")
    assert reason in graph.reasons["y"]


def test_why_a_layer_has_float_inputs() -> None:
    graph = graph_from_text(
        "g (float[N, 11] x) => (float[N, 5] y) { r = Relu(x)  y = Gemm(r, w, b) }", CONSTANTS
    )
    run_passes(graph, [BinaryDenseLayers()])
    assert graph.reasons == {"y_sum": "input is not quantized: comes from Relu 'r'"}
    assert graph.nodes[1].output.name == "y_sum"
