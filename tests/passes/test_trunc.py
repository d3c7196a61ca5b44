"""Both versions of Trunc become steps that give the same bits."""

import itertools

import numpy as np
import pytest

from bnn_engine.ops.rounding import ROUNDING_MODES
from bnn_engine.passes.trunc import Truncs
from tests.support.onnx_models import op_types
from tests.support.rewrites import around, rewritten

V1 = """g (float[N, 3] x) => (float[N, 3] y) {{
    y = qonnx.custom_op.general.Trunc<rounding_mode = "{mode}">(x, s, z, b, c)
}}"""
V2 = """g (float[N, 3] x) => (float[N, 3] y) {{
    y = qonnx.custom_op.general.Trunc<
        rounding_mode = "{mode}", signed = {signed}, narrow = {narrow}>(x, s, z, b, t, c)
}}"""


def _constants(**numbers: object) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, np.float32) for name, value in numbers.items()}


@pytest.mark.parametrize("mode", ROUNDING_MODES)
def test_version_1(mode: str) -> None:
    for zeropt, dropped in itertools.product((0, 3), (0, 2)):
        constants = _constants(s=0.125, z=zeropt, b=6, c=6 - dropped)
        x = around((60, 3), 0.125, 40)
        graph = rewritten(V1.format(mode=mode), constants, [Truncs()], x)
        assert {node.domain for node in graph.nodes} == {""}


@pytest.mark.parametrize(
    ("mode", "signed", "narrow"), list(itertools.product(ROUNDING_MODES, (0, 1), (0, 1)))
)
def test_version_2(mode: str, signed: int, narrow: int) -> None:
    text = V2.format(mode=mode, signed=signed, narrow=narrow)
    for bits, zeropt in ((4, 0), (4, -2), (6, 1)):
        constants = _constants(s=0.125, z=zeropt, b=8, t=0.6, c=bits)
        graph = rewritten(text, constants, [Truncs()], around((60, 3), 0.125, 300))
        assert ("Quantize" in op_types(graph)) == (bits == 4)


def test_scales_per_channel() -> None:
    constants = _constants(s=[[0.1, 0.2, 0.5]], z=0, b=8, t=[[0.4, 0.4, 0.5]], c=4)
    text = V2.format(mode="FLOOR", signed=1, narrow=0)
    graph = rewritten(text, constants, [Truncs()], around((60, 3), 0.1, 100))
    assert op_types(graph) == ["Div", "Round", "Div", "Quantize", "Mul"]


def test_parameters_that_are_computed_stay() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        s = ReduceMax<keepdims = 0>(x)
        y = qonnx.custom_op.general.Trunc(x, s, z, b, c)
    }"""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    graph = rewritten(text, _constants(z=0, b=6, c=4), [Truncs()], x)
    assert "TruncV1" in op_types(graph)
