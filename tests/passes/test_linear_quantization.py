from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes.linear_quantization import ExpandDequantize, ExpandQuantize
from tests.support import ort
from tests.support.onnx_models import graph_from_text, model_from_text, op_types

KINDS = ("int8", "uint8", "int16", "uint16")
RANDOM = np.random.default_rng(0)


def check(text: str, constants: dict[str, NDArray[Any]], x: NDArray[Any]) -> None:
    graph = graph_from_text(text, constants)
    for step in (ExpandQuantize(), ExpandDequantize()):
        step.run(graph)
    graph.remove_dead_nodes()
    graph.check()
    assert not {"QuantizeLinear", "DequantizeLinear"} & {*op_types(graph)}
    found = evaluate(graph, {"x": x})["y"]
    wanted = ort.run(model_from_text(text, constants), {"x": x})["y"]
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_quantize(kind: str, axis: int | None) -> None:
    """Halves, values out of range and infinities included."""
    count = 1 if axis is None else (4, 3, 5)[axis]
    shape = () if axis is None else (count,)
    constants = {
        "s": np.asarray(RANDOM.uniform(0.01, 0.6, shape), np.float32),
        "z": np.asarray(RANDOM.integers(0, 99, shape), kind),
    }
    given = "" if axis is None else f"<axis = {axis}>"
    text = f"g (float[4, 3, 5] x) => ({kind}[4, 3, 5] y) {{ y = QuantizeLinear{given}(x, s, z) }}"
    x = RANDOM.normal(scale=99, size=(4, 3, 5)).astype(np.float32)
    x[0, 0] = [0.5, -0.5, 1.5, 1e30, -1e30]
    check(text, constants, x)
    constants["s"] = np.full(shape, 1, np.float32)
    check(text, constants, np.round(x * 2) / 2)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_dequantize(kind: str, axis: int | None) -> None:
    count = 1 if axis is None else (4, 3, 5)[axis]
    shape = () if axis is None else (count,)
    constants = {
        "s": np.asarray(RANDOM.uniform(0.01, 0.6, shape), np.float32),
        "z": np.asarray(RANDOM.integers(0, 99, shape), kind),
    }
    given = "" if axis is None else f"<axis = {axis}>"
    text = f"g ({kind}[4, 3, 5] x) => (float[4, 3, 5] y) {{ y = DequantizeLinear{given}(x, s, z) }}"
    info = np.iinfo(kind)
    check(text, constants, RANDOM.integers(info.min, info.max, (4, 3, 5), kind, endpoint=True))


def test_without_a_zero_point() -> None:
    scale = {"s": np.asarray(np.float32(0.3))}
    x = RANDOM.normal(scale=60, size=(2, 3)).astype(np.float32)
    check("g (float[2, 3] x) => (uint8[2, 3] y) { y = QuantizeLinear(x, s) }", scale, x)
    q = RANDOM.integers(0, 255, (2, 3), np.uint8)
    check("g (uint8[2, 3] x) => (float[2, 3] y) { y = DequantizeLinear(x, s) }", scale, q)


def test_scales_given_at_run_time() -> None:
    text = """g (float[4, 3, 5] x, float[3] s, int8[3] z) => (float[4, 3, 5] y) {
        q = QuantizeLinear(x, s, z)
        y = DequantizeLinear(q, s, z)
    }"""
    graph = graph_from_text(text)
    for step in (ExpandQuantize(), ExpandDequantize()):
        step.run(graph)
    graph.check()
    feeds: dict[str, Any] = {
        "x": RANDOM.normal(size=(4, 3, 5)).astype(np.float32),
        "s": np.array([0.1, 0.2, 0.3], np.float32),
        "z": np.array([1, -2, 3], np.int8),
    }
    np.testing.assert_array_equal(
        evaluate(graph, feeds)["y"], ort.run(model_from_text(text), feeds)["y"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "g (int32[2, 4] x, float s) => (float[] y) { y = DequantizeLinear(x, s) }",
        """g (uint8[2, 4] x, float[2, 2] s) => (float[] y) {
            y = DequantizeLinear<block_size = 2>(x, s) }""",
        "g (float16[2, 4] x, float16 s) => (uint8[] y) { y = QuantizeLinear(x, s) }",
    ],
)
def test_other_forms_stay(text: str) -> None:
    graph = graph_from_text(text)
    before = op_types(graph)
    for step in (ExpandQuantize(), ExpandDequantize()):
        step.run(graph)
    assert op_types(graph) == before
