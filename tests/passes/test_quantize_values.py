from typing import Any

import numpy as np
import pytest

from bnn_engine.graph import Graph, Node
from bnn_engine.passes.int_quant import IntQuants
from bnn_engine.passes.multi_threshold import MultiThresholds
from bnn_engine.passes.quantize_values import QuantizeValues
from tests.support.onnx_models import op_types
from tests.support.rewrites import around, rewritten

X = around((60, 3))
CONSTANTS: dict[str, Any] = {
    "t": np.array([[-1, 0.5, 2]], np.float32),
    "one_t": np.array([[0.5]], np.float32),
    "two": np.float32(2),
    "one": np.ones((1, 1), np.float32),
    "each": np.array([1, 2, 3], np.float32),
    "zero": np.float32(0),
    "wide": np.ones((1, 1, 1), np.float32),
}


def _run(behind: str, thresholds: str = "t", outputs: str = "float[N, 3] y") -> Graph:
    text = f"""g (float[N, 3] x) => ({outputs}) {{
        q = qonnx.custom_op.general.MultiThreshold(x, {thresholds})  {behind}
    }}"""
    constants = {n: c for n, c in CONSTANTS.items() if n == thresholds or n in behind}
    return rewritten(text, constants, [MultiThresholds(), QuantizeValues()], X)


@pytest.mark.parametrize(
    ("behind", "values"),
    [
        ("y = Mul(q, two)", [0, 2, 4, 6]),
        ("y = Sub(one, q)", [1, 0, -1, -2]),
        ("a = Div(q, two)  b = Neg(a)  y = Add(b, one)", [1, 0.5, 0, -0.5]),
    ],
)
def test_arithmetic_with_numbers(behind: str, values: list[float]) -> None:
    graph = _run(behind)
    assert op_types(graph) == ["Quantize"]
    assert graph.nodes[0].attributes["values"] == values


def _single(graph: Graph, op_type: str) -> Node:
    (node,) = (node for node in graph.nodes if node.op_type == op_type)
    return node


def test_opposite_values_are_signs() -> None:
    graph = _run("a = Mul(q, two)  y = Sub(a, one)", "one_t")
    assert op_types(graph) == ["Binarize"]
    falling = _run("a = Mul(q, two)  y = Sub(one, a)", "one_t")
    assert op_types(falling) == ["Binarize"]
    assert _single(falling, "Binarize").attributes["inside"] == -1
    scaled = _run("a = Mul(q, two)  b = Sub(a, one)  y = Mul(b, two)", "one_t")
    assert op_types(scaled) == ["Binarize", "Mul"]


def test_signs_per_channel_where_nan_passes() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        q = qonnx.custom_op.general.IntQuant<signed = 0, narrow = 0>(x, each, z, b)
        h = Div(q, each)  d = Mul(h, two)  y = Sub(d, one)
    }"""
    constants = {name: CONSTANTS[name] for name in ("each", "two", "one")}
    constants.update(z=np.float32(0), b=np.float32(1))
    rewritten(text, constants, [IntQuants(), QuantizeValues()], X)


@pytest.mark.parametrize(
    ("behind", "outputs"),
    [
        ("y = Mul(q, each)", "float[N, 3] y"),
        ("y = Mul(q, q)", "float[N, 3] y"),
        ("y = Div(one, q)", "float[N, 3] y"),
        ("y = Mul(q, wide)", "float[A, N, 3] y"),
        ("y = Relu(q)", "float[N, 3] y"),
        ("a = Mul(q, two)  y = Add(a, q)", "float[N, 3] y"),
    ],
)
def test_what_stays(behind: str, outputs: str) -> None:
    graph = _run(behind, outputs=outputs)
    assert op_types(graph)[0] == "Quantize"
    assert len(graph.nodes) > 1
    assert graph.nodes[0].attributes["values"] == [0, 1, 2, 3]
