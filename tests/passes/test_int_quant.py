"""IntQuant becomes steps that give the same bits, whatever its parameters are."""

import itertools

import numpy as np
import pytest

from bnn_engine.ops.rounding import ROUNDING_MODES
from bnn_engine.passes import run_passes
from bnn_engine.passes.int_quant import IntQuants
from bnn_engine.passes.remove_identity import RemoveIdentity
from tests.support.onnx_models import graph_from_text, op_types
from tests.support.rewrites import around, rewritten


def _text(mode: str = "ROUND", signed: int = 1, narrow: int = 0, shape: str = "N, 3") -> str:
    return f"""g (float[{shape}] x) => (float[{shape}] y) {{
        y = qonnx.custom_op.general.IntQuant<
            rounding_mode = "{mode}", signed = {signed}, narrow = {narrow}>(x, s, z, b)
    }}"""


def _constants(scale: object = 1, zeropt: object = 0, bits: float = 4) -> dict[str, np.ndarray]:
    named = {"s": scale, "z": zeropt, "b": bits}
    return {name: np.asarray(value, np.float32) for name, value in named.items()}


FLAGS = list(itertools.product(ROUNDING_MODES, (0, 1), (0, 1)))


@pytest.mark.parametrize(("mode", "signed", "narrow"), FLAGS)
def test_few_codes_become_levels(mode: str, signed: int, narrow: int) -> None:
    for bits, scale in itertools.product((2, 3, 4), (1, 0.1, -0.25)):
        x = around((90, 3), abs(scale), 2**bits + 1)
        constants = _constants(scale, 0, bits)
        graph = rewritten(_text(mode, signed, narrow), constants, [IntQuants()], x)
        expected = ["Quantize"] if scale == 1 else ["Div", "Quantize", "Mul"]
        assert op_types(graph) == expected
        quantize = next(node for node in graph.nodes if node.op_type == "Quantize")
        values = quantize.attributes["values"]
        assert isinstance(values, list)
        assert len(values) == 2**bits - narrow
        assert values[0] == (narrow - 2 ** (bits - 1) if signed else 0)


@pytest.mark.parametrize(("mode", "signed", "narrow"), FLAGS)
def test_many_codes_stay_standard_ops(mode: str, signed: int, narrow: int) -> None:
    constants = _constants(0.5, 3, 8)
    x = around((90, 3), 0.5, 260)
    graph = rewritten(_text(mode, signed, narrow), constants, [IntQuants()], x)
    assert {node.domain for node in graph.nodes} == {""}
    assert op_types(graph)[:3] == ["Div", "Add", "Clip"]
    assert op_types(graph)[-2:] == ["Sub", "Mul"]


@pytest.mark.parametrize("zeropt", [1, -2, 0.5])
def test_zero_points(zeropt: float) -> None:
    constants = _constants(0.1, zeropt, 2)
    graph = rewritten(_text(), constants, [IntQuants()], around((60, 3), 0.1, 5))
    assert op_types(graph) == ["Div", "Add", "Quantize", "Sub", "Mul"]


def test_parameters_per_channel() -> None:
    scale = np.array([0.1, -0.2, 3]).reshape(1, 3, 1, 1)
    constants = _constants(scale, np.array([0, 1, -1]).reshape(1, 3, 1, 1), 2)
    text = _text(shape="N, 3, 2, 2")
    graph = rewritten(text, constants, [IntQuants()], around((9, 3, 2, 2), 0.1, 5))
    assert op_types(graph) == ["Div", "Add", "Quantize", "Sub", "Mul"]


def test_one_signed_bit_is_a_sign() -> None:
    for scale, zeropt in itertools.product((1, 0.3), (0, 1)):
        constants = _constants(scale, zeropt, 1)
        graph = rewritten(_text(), constants, [IntQuants()], around((60, 3), 0.3, 3))
        assert "Binarize" in op_types(graph)
        assert "Quantize" not in op_types(graph)


@pytest.mark.parametrize(("bits", "narrow"), [(1, 1), (1.5, 0), (2.585, 1), (0.25, 0)])
def test_odd_bit_widths(bits: float, narrow: int) -> None:
    for signed in (0, 1):
        text, constants = _text(signed=signed, narrow=narrow), _constants(0.5, 0, bits)
        rewritten(text, constants, [IntQuants()], around((60, 3), 0.5, 5))


def test_scales_that_are_computed() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        s = ReduceMax(x, axes)
        y = qonnx.custom_op.general.IntQuant<signed = 1, narrow = 0>(x, s, z, b)
    }"""
    constants = {**_constants(), "axes": np.array([1])}
    del constants["s"]
    x = np.arange(1, 13, dtype=np.float32).reshape(4, 3) * np.float32(0.5)
    graph = rewritten(text, constants, [RemoveIdentity(), IntQuants()], x)
    assert op_types(graph) == ["ReduceMax", "Div", "Quantize", "Mul"]


def test_a_bit_width_that_is_computed_stays() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        b = ReduceMax<keepdims = 0>(x)
        y = qonnx.custom_op.general.IntQuant<signed = 1, narrow = 0>(x, s, z, b)
    }"""
    constants = _constants()
    del constants["b"]
    graph = rewritten(text, constants, [IntQuants()], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert "IntQuant" in op_types(graph)


def test_a_bit_width_of_nan_stays() -> None:
    constants = _constants(bits=float("nan"))
    graph = graph_from_text(_text(), constants)
    run_passes(graph, [IntQuants()])
    assert op_types(graph) == ["IntQuant"]
