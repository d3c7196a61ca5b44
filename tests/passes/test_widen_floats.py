from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes.widen_floats import WidenFloats
from tests.support import ort
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, signs

RANDOM = np.random.default_rng(0)
HALF = np.dtype(np.float16)


def halves(*shape: int) -> NDArray[Any]:
    return RANDOM.normal(size=shape).astype(HALF)


@pytest.mark.parametrize(
    "body",
    [
        "y = MatMul(x, w)",
        "h = Relu(x) y = Softmax(h)",
        "y = ReduceMean<keepdims = 0>(x)",
        "y = LayerNormalization(x, s)",
    ],
)
def test_each_op_rounds_once(body: str) -> None:
    constants = {"w": halves(16, 8), "s": halves(16)}
    used = {name: array for name, array in constants.items() if f", {name})" in body}
    model = model_from_text(f"g (float16[N, 16] x) => (float16[] y) {{ {body} }}", used)
    graph = import_model(model)
    WidenFloats().run(graph)
    graph.remove_dead_nodes()
    graph.check()
    x = halves(5, 16)
    found = evaluate(graph, {"x": x})["y"]
    wanted = ort.run(model, {"x": x})["y"]
    assert found.dtype == wanted.dtype == HALF
    # Sums in float32, whatever their order, round to the same number or its neighbour.
    np.testing.assert_allclose(
        found.astype(np.float64), wanted.astype(np.float64), rtol=2**-10, atol=2**-14
    )


def test_sums_are_those_of_float32() -> None:
    """4097 ones: float16 counts to 2048."""
    graph = graph_from_text("g (float16[N] x) => (float16[] y) { y = ReduceSum(x) }")
    WidenFloats().run(graph)
    assert evaluate(graph, {"x": np.ones(4098, HALF)})["y"] == 4098


def test_a_tensor_is_widened_once() -> None:
    graph = graph_from_text(
        "g (float16[2, 2] x) => (float16[] y) { a = MatMul(x, x) b = MatMul(x, a) y = Add(a, b) }"
    )
    WidenFloats().run(graph)
    graph.check()
    # x, and the rounded a; a and b are rounded: the chain of roundings stays visible.
    assert op_types(graph) == ["Cast", "MatMul", "Cast", "Cast", "MatMul", "Cast", "Add"]


def test_other_types_and_moving_ops_stay() -> None:
    graph = graph_from_text(
        """g (float16[2, 3] x, double[2, 2] d) => (float16[] y, double[] e) {
            y = Transpose(x)
            e = MatMul(d, d)
        }"""
    )
    WidenFloats().run(graph)
    assert op_types(graph) == ["Transpose", "MatMul"]


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_binary_layers_of_16_bit_models_are_binary(kind: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = np.dtype(getattr(ml_dtypes, kind, kind))
    w = signs(RANDOM, (64, 8))
    model = model_from_text(
        f"""g ({kind}[N, 64] x) => ({kind}[N, 8] y) {{
            s = Sign(x)
            y = MatMul(s, w)
        }}""",
        {"w": w.astype(dtype)},
    )
    engine = bnn_engine.load(model)
    assert [layer.kind for layer in engine.summary().layers if layer.binary_macs] == ["W1A1"]
    x = RANDOM.normal(size=(4, 64)).astype(dtype)
    y = engine.predict(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, (np.sign(x.astype(np.float32)) @ w).astype(dtype))
