"""Layers on 16-bit floats against the same layers in float32, rounded once."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import bnn_engine
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.widen_halves import WidenHalves
from tests.support import ort
from tests.support.onnx_models import Array, graph_from_text, model_from_text, op_types

DTYPES = {
    name: onnx.helper.tensor_dtype_to_np_dtype(getattr(onnx.TensorProto, name.upper()))
    for name in ("float16", "bfloat16")
}
BODIES = {
    "Conv": "y = Conv<pads = [1, 1, 1, 1]>(x, w, b)",
    "BatchNormalization": "y = BatchNormalization(x, b, b, b, b)",
    "MaxPool": "y = MaxPool<kernel_shape = [2, 2]>(x)",
    "AveragePool": "y = AveragePool<kernel_shape = [2, 2]>(x)",
    "Softmax": "y = Softmax<axis = 1>(x)",
    "PRelu": "y = PRelu(x, s)",
}


def text(kind: str, body: str) -> str:
    return f"g ({kind}[N, 4, 5, 6] x) => ({kind}[] y) {{ {body} }}"


def constants(kind: str) -> dict[str, Array]:
    random = np.random.default_rng(0)
    made = {"w": random.normal(size=(4, 4, 3, 3)), "b": random.uniform(0.5, 2, 4)}
    made["s"] = random.normal(size=(4, 1, 1))
    return {name: array.astype(DTYPES[kind]) for name, array in made.items()}


@pytest.mark.parametrize("op_type", BODIES)
@pytest.mark.parametrize("kind", DTYPES)
def test_rounded_once(kind: str, op_type: str) -> None:
    graph = graph_from_text(text(kind, BODIES[op_type]), constants(kind))
    run_passes(graph, [WidenHalves()])
    assert op_types(graph) == ["Cast", op_type, "Cast"]
    assert graph.outputs[0].dtype == DTYPES[kind]
    wide = model_from_text(
        text("float", BODIES[op_type]),
        {name: array.astype(np.float32) for name, array in constants(kind).items()},
    )
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 6)).astype(DTYPES[kind])
    wanted = ort.run(wide, {"x": x.astype(np.float32)})["y"]
    unit = np.maximum(np.abs(wanted), 2.0**-14) * (2.0**-11 if kind == "float16" else 2.0**-8)
    for got in (
        evaluate(graph, {"x": x})["y"],
        bnn_engine.load(model_from_text(text(kind, BODIES[op_type]), constants(kind))).predict(x),
    ):
        assert got.dtype == DTYPES[kind]
        assert np.all(np.abs(got.astype(np.float32) - wanted) <= 1.01 * unit)


def test_operands_that_are_one_value_are_converted_once() -> None:
    graph = graph_from_text("g (float16[4, 4] x) => (float16[4, 4] y) { y = MatMul(x, x) }")
    run_passes(graph, [WidenHalves()])
    assert op_types(graph) == ["Cast", "MatMul", "Cast"]


@pytest.mark.parametrize("kind", ["float", "double"])
def test_other_types_stay(kind: str) -> None:
    graph = graph_from_text(f"g ({kind}[4, 4] x) => ({kind}[4, 4] y) {{ y = MatMul(x, x) }}")
    run_passes(graph, [WidenHalves()])
    assert op_types(graph) == ["MatMul"]
