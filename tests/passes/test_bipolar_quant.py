import numpy as np
import pytest

from bnn_engine.passes.bipolar_quant import BipolarQuants
from bnn_engine.passes.remove_identity import RemoveIdentity
from tests.support.onnx_models import op_types
from tests.support.rewrites import around, rewritten

TEXT = """g (float[N, 3, 2, 2] x) => (float[A, B, C, D] y) {
    y = qonnx.custom_op.general.BipolarQuant(x, s)
}"""
X = around((4, 3, 2, 2))


@pytest.mark.parametrize("scale", [1.0, np.ones(1), np.ones((1, 3, 1, 1))])
def test_a_scale_of_one_needs_no_step(scale: np.ndarray) -> None:
    graph = rewritten(TEXT, {"s": np.asarray(scale, np.float32)}, [BipolarQuants()], X)
    assert op_types(graph) == ["Binarize"]


@pytest.mark.parametrize(
    "scale", [0.3, [0.5], [[[[0.1]], [[-2]], [[0]]]], np.ones((1, 1, 1, 1, 1))]
)
def test_other_scales_multiply(scale: np.ndarray) -> None:
    graph = rewritten(TEXT, {"s": np.asarray(scale, np.float32)}, [BipolarQuants()], X)
    assert op_types(graph) == ["Binarize", "Mul"]


def test_a_scale_that_is_computed() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        s = ReduceMax(x, axes)  y = qonnx.custom_op.general.BipolarQuant(x, s)
    }"""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    constants = {"axes": np.array([1])}
    graph = rewritten(text, constants, [RemoveIdentity(), BipolarQuants()], x)
    assert op_types(graph) == ["ReduceMax", "Binarize", "Mul"]
