"""The ONNX backend API."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest

import bnn_engine
from bnn_engine import BnnError, ShapeError, UnsupportedOpError, backend
from tests.support.onnx_models import model_from_text

TWO_INPUTS = """g (float[N, 2] a, float[N, 2] b) => (float[N, 2] s, float[N, 2] d) {
    s = Add(a, b)
    d = Sub(a, b)
}"""
A, B = np.array([[1, 2]], np.float32), np.array([[3, 5]], np.float32)


def test_importing_the_package_does_not_import_onnx() -> None:
    code = "import sys, bnn_engine; assert 'onnx' not in sys.modules; bnn_engine.backend.prepare"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd="/")


def test_prepare_and_run() -> None:
    prepared = backend.prepare(model_from_text(TWO_INPUTS), "CPU", num_threads=1, rtol=1e-3)
    for inputs in ([A, B], (A, B), {"b": B, "a": A}):
        outputs = prepared.run(inputs)
        assert isinstance(outputs, tuple)
        np.testing.assert_array_equal(outputs, [A + B, A - B])
    with pytest.raises(ShapeError, match="inputs"):
        prepared.run([A])
    with pytest.raises(ShapeError, match="missing"):
        prepared.run({"a": A})


def test_one_input_needs_no_list() -> None:
    model = model_from_text("g (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }")
    (y,) = backend.run_model(model, -A)
    np.testing.assert_array_equal(y, 0 * A)


def test_options_reach_load() -> None:
    model = model_from_text("g (float[N, 2] x) => (float[N, 2] y) { y = Det(x) }")
    with pytest.raises(UnsupportedOpError):
        backend.prepare(model, fallback="error")


@pytest.mark.parametrize(
    ("device", "supported"),
    [("CPU", True), ("CPU:0", True), ("CUDA", False), ("TPU", False), ("CPU:x", False)],
)
def test_devices(device: str, supported: bool) -> None:
    assert backend.supports_device(device) is supported
    if not supported:
        with pytest.raises(BnnError, match="device"):
            backend.prepare(model_from_text(TWO_INPUTS), device)


def test_run_node() -> None:
    node = onnx.helper.make_node("Clip", ["x", "", "high"], ["y"])
    x, high = np.array([-5, 5, 9], np.float32), np.array(6, np.float32)
    (y,) = backend.run_node(node, [x, high])
    np.testing.assert_array_equal(y, [-5, 5, 6])
    (y,) = backend.run_node(node, [x, high], outputs_info=[(np.dtype(np.float32), (3,))])
    np.testing.assert_array_equal(y, [-5, 5, 6])
    with pytest.raises(ShapeError, match="reads"):
        backend.run_node(node, [x])


def test_run_node_of_an_old_opset() -> None:
    """Clip of opset 6 has its bounds as attributes."""
    node = onnx.helper.make_node("Clip", ["x"], ["y"], max=6.0)
    (y,) = backend.run_node(node, np.array([7], np.float32), opset_version=6)
    np.testing.assert_array_equal(y, [6])


def test_is_compatible() -> None:
    assert backend.is_compatible(model_from_text(TWO_INPUTS))
    node = onnx.helper.make_node("Frobnicate", ["a"], ["s"], domain="of.nobody")
    model = model_from_text(TWO_INPUTS)
    del model.graph.node[0]
    model.graph.node.insert(0, node)
    model.opset_import.append(onnx.helper.make_opsetid("of.nobody", 1))
    assert not backend.is_compatible(model)
    assert not backend.is_compatible(model_from_text(TWO_INPUTS), "CUDA")


def test_is_an_attribute_of_the_package() -> None:
    assert bnn_engine.backend is backend
