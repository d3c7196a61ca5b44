"""Upsample and Resize-10 against ONNX Runtime, which still runs them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import bnn_engine
from bnn_engine import BnnError, UnsupportedOpError
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from tests.support import ort
from tests.support.onnx_models import model_from_text

X = np.random.default_rng(0).normal(size=(1, 2, 6, 4)).astype(np.float32)


def model(op_type: str, mode: str, scales: list[float], opset: int) -> onnx.ModelProto:
    constants = {"s": np.array(scales, np.float32)}
    return model_from_text(
        f"""g (float[1, 2, 6, 4] x) => (float[] z) {{
            h = Relu(x)
            y = {op_type}<mode = "{mode}">(h, s)
            z = Abs(y)
        }}""",
        constants,
        opset=opset,
    )


def agrees(old: onnx.ModelProto) -> None:
    graph = import_model(old)
    assert graph.opset == 21
    assert [node.op_type for node in graph.nodes] == ["Relu", "Resize", "Abs"]
    wanted = ort.run(old, {"x": X})["z"]
    found = evaluate(graph, {"x": X})["z"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [[1, 1, 2, 2], [1, 1, 3, 2], [1, 1, 1.5, 2.5]])
@pytest.mark.parametrize(("op_type", "opset"), [("Upsample", 9), ("Resize", 10)])
def test_larger(op_type: str, opset: int, scales: list[float], mode: str) -> None:
    agrees(model(op_type, mode, scales, opset))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [[1, 1, 0.5, 0.5], [1, 1, 0.7, 0.4]])
def test_smaller(scales: list[float], mode: str) -> None:
    agrees(model("Resize", mode, scales, 10))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_scales_of_upsample_7_are_an_attribute(mode: str) -> None:
    agrees(
        model_from_text(
            f"""g (float[1, 2, 6, 4] x) => (float[] z) {{
                h = Relu(x)
                y = Upsample<mode = "{mode}", scales = [1.0, 1.0, 2.0, 3.0]>(h)
                z = Abs(y)
            }}""",
            opset=7,
        )
    )


def test_rounding_both_ways_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="opset 11"):
        import_model(model("Resize", "nearest", [1, 1, 2, 0.5], 10))


def test_upsample_to_fewer_pixels_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="at least 1"):
        import_model(model("Upsample", "nearest", [1, 1, 2, 0.5], 9))


def test_scales_given_at_run_time() -> None:
    text = """g (float[1, 2, 6, 4] x, float[4] s) => (float[] y) {{
        y = {0}<mode = "nearest">(x, s)
    }}"""
    old = model_from_text(text.format("Upsample"), opset=9)
    feeds = {"x": X, "s": np.array([1, 1, 2, 3], np.float32)}
    np.testing.assert_array_equal(evaluate(import_model(old), feeds)["y"], ort.run(old, feeds)["y"])
    with pytest.raises(UnsupportedOpError, match="opset 11"):
        import_model(model_from_text(text.format("Resize"), opset=10))


def test_modes_that_are_no_text() -> None:
    text = 'g (float[1, 1, 2, 2] x) => (float[A, B, C, D] y) { y = Resize<mode = "linear">(x, s) }'
    old = model_from_text(text, {"s": np.ones(4, np.float32)}, opset=10)
    old.graph.node[0].attribute[0].s = b"\xff"
    with pytest.raises(BnnError):
        bnn_engine.load(old).predict(np.ones((1, 1, 2, 2), np.float32))
