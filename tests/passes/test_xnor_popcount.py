import numpy as np

from bnn_engine.passes import run_passes
from bnn_engine.passes.xnor_popcount import XnorPopcounts
from tests.support.onnx_models import graph_from_text, op_types
from tests.support.rewrites import around, rewritten

RANDOM = np.random.default_rng(0)
BITS = RANDOM.integers(0, 2, (9, 4)).astype(np.float32)
TEXT = """g (float[N, 9] x) => (float[N, 4] y) {
    y = finn.custom_op.general.XnorPopcountMatMul(x, w)
}"""


def test_counts_equal_bits() -> None:
    x = RANDOM.integers(0, 2, (5, 9)).astype(np.float32)
    graph = rewritten(TEXT, {"w": BITS}, [XnorPopcounts()], x)
    assert op_types(graph) == ["Mul", "Sub", "MatMul", "Add", "Mul"]


def test_thresholded_bits_make_a_binary_layer() -> None:
    text = """g (float[N, 9] x) => (float[N, 4] y) {
        q = finn.custom_op.general.MultiThreshold(x, t)
        y = finn.custom_op.general.XnorPopcountMatMul(q, w)
    }"""
    graph = graph_from_text(text, {"w": BITS, "t": np.zeros((1, 1), np.float32)})
    run_passes(graph)
    assert op_types(graph)[:2] == ["Binarize", "BinaryGemm"]


def test_matrices_that_are_computed_stay() -> None:
    text = """g (float[N, 9] x) => (float[N, M] y) {
        t = Transpose<perm = [1, 0]>(x)
        y = finn.custom_op.general.XnorPopcountMatMul(x, t)
    }"""
    graph = rewritten(text, {}, [XnorPopcounts()], (around((3, 9)) > 0).astype(np.float32))
    assert "XnorPopcountMatMul" in op_types(graph)
