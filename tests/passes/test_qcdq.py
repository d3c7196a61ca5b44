"""QuantizeLinear, Clip and DequantizeLinear against ONNX Runtime."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import pytest

from bnn_engine.graph import Graph
from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.qcdq import QuantizeDequantize
from bnn_engine.passes.quantize_values import QuantizeValues
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime
from tests.support.rewrites import around

QCDQ = """g (float[N, 3] x) => (float[N, 3] y) {
    q = QuantizeLinear(x, s, z)  c = Clip(q, lo, hi)  y = DequantizeLinear(c, s, z)
}"""


def _run(text: str, constants: dict[str, Any], x: np.ndarray, folds: bool = False) -> Graph:
    """ONNX Runtime gives the same bits before and after the pass, NaN included."""
    graph = graph_from_text(text, constants)
    run_passes(graph, [QuantizeDequantize(), *([QuantizeValues()] if folds else [])])
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    (actual,) = run_onnxruntime(to_model(graph), {"x": x})
    np.testing.assert_array_equal(actual, expected)
    return graph


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_chains_of_few_levels(dtype: type) -> None:
    bounds = [(0, 1), (0, 15), (2, 9)] + ([(-1, 1), (-2, 1), (-8, 7)] if dtype is np.int8 else [])
    for (low, high), scale, zero in itertools.product(bounds, (0.1, 1, 3e-39), (0, 1)):
        constants = {"s": np.float32(scale), "z": dtype(zero), "lo": dtype(low), "hi": dtype(high)}
        graph = _run(QCDQ, constants, around((60, 3), scale, 20))
        assert "Quantize" in op_types(graph)
        assert not {"QuantizeLinear", "Clip", "DequantizeLinear"} & set(op_types(graph))
        folded = _run(QCDQ, constants, around((60, 3), scale, 20), folds=True)
        assert len(folded.nodes) <= 3


@pytest.mark.parametrize("element", [onnx.TensorProto.INT4, onnx.TensorProto.UINT4])
def test_four_bit_types(element: int) -> None:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z)
    }"""
    for zero in (0, 1):
        constants = {"s": np.float32(0.5), "z": np.array(zero, dtype)}
        graph = _run(text, constants, around((60, 3), 0.5, 20))
        assert op_types(graph)[:2] == ["Div", "Quantize"]


def test_without_zero_points_and_with_several_clips() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        q = QuantizeLinear(x, s)  a = Clip(q, low)  b = Clip(a, , high)
        y = DequantizeLinear(b, t)
    }"""
    for low, high in ((3, 9), (9, 3), (5, 5)):
        constants = {
            "s": np.float32(0.5),
            "t": np.float32(0.25),
            "low": np.uint8(low),
            "high": np.uint8(high),
        }
        graph = _run(text, constants, around((60, 3), 0.5, 20))
        assert ("Quantize" in op_types(graph)) == (low < high)


def test_scales_per_channel() -> None:
    text = """g (float[N, 3, 2, 2] x) => (float[N, 3, 2, 2] y) {
        q = QuantizeLinear<axis = 1>(x, s, z)  c = Clip(q, lo, hi)
        y = DequantizeLinear<axis = -3>(c, s, z)
    }"""
    constants = {
        "s": np.array([0.1, 0.5, 2], np.float32),
        "z": np.zeros(3, np.int8),
        "lo": np.int8(-2),
        "hi": np.int8(1),
    }
    graph = _run(text, constants, around((9, 3, 2, 2), 0.5, 10))
    assert op_types(graph) == ["Div", "Quantize", "Mul"]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_many_levels_stay_float_ops(dtype: type) -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z)
    }"""
    for scale, zero in itertools.product((0.1, 1), (0, 7)):
        constants = {"s": np.float32(scale), "z": dtype(zero)}
        graph = _run(text, constants, around((200, 3), scale, 400))
        assert op_types(graph)[:2] == ["IsNaN", "Where"]
        assert not {"Quantize", "QuantizeLinear"} & set(op_types(graph))


def test_many_levels_behind_a_clip() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        q = QuantizeLinear(x, s, z)  c = Clip(q, z)  y = DequantizeLinear(c, s, z)
    }"""
    for dtype in (np.int8, np.uint8):
        constants = {"s": np.float32(0.5), "z": dtype(3)}
        _run(text, constants, around((200, 3), 0.5, 400))


def test_integer_weights_become_floats() -> None:
    """Per tensor or per channel, as exporters store them."""
    text = """g (float[N, 4] x) => (float[N, 3] y) {
        w = DequantizeLinear<axis = 0>(c, s, z)  y = Gemm<transB = 1>(x, w)
    }"""
    codes = np.random.default_rng(0).integers(-2, 2, (3, 4)).astype(np.int8)
    half, each = np.array(0.5, np.float32), np.array([0.5, 2, 1], np.float32)
    for scale, zero in ((half, np.array(1, np.int8)), (each, np.zeros(3, np.int8))):
        graph = graph_from_text(text, {"c": codes, "s": scale, "z": zero})
        run_passes(graph, [FoldConstants()])
        (node,) = graph.nodes
        weights = node.inputs[1]
        assert weights is not None
        expected = (codes.astype(np.float32) - zero[..., None]) * scale[..., None]
        np.testing.assert_array_equal(weights.const, expected)


CONSTANTS: dict[str, Any] = {
    "s": np.float32(0.5),
    "minus": np.float32(-0.5),
    "each": np.array([0.1, 0.5, 2], np.float32),
    "z": np.int8(0),
    "zeros": np.array([0, 1, 0], np.int8),
    "lo": np.int8(-2),
    "hi": np.int8(1),
}


@pytest.mark.parametrize(
    "body",
    [
        "q = QuantizeLinear(x, minus, z)  c = Clip(q, lo, hi)  y = DequantizeLinear(c, s, z)",
        "q = QuantizeLinear(x, each, zeros)  c = Clip(q, lo, hi)  y = DequantizeLinear(c, s, z)",
        "q = QuantizeLinear(x, s, z)  m = Min(q, hi)  y = DequantizeLinear(m, s, z)",
        """q = QuantizeLinear(x, s, z)  c = Clip(q, lo, hi)  e = DequantizeLinear(c, s, z)
           f = Cast<to = 1>(c)  y = Add(e, f)""",
    ],
)
def test_what_stays(body: str) -> None:
    text = f"g (float[N, 3] x) => (float[N, 3] y) {{ {body} }}"
    constants = {name: array for name, array in CONSTANTS.items() if name in body}
    graph = graph_from_text(text, constants)
    run_passes(graph, [QuantizeDequantize()])
    assert "QuantizeLinear" in op_types(graph)
