from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import BnnError
from tests.support import isas
from tests.support.onnx_models import model_from_text, signs


def test_rows_of_a_binarized_mlp(engine: bnn_engine.Engine) -> None:
    summary = engine.summary()
    first, second, third, last = summary.layers
    assert (first.name, first.op, first.kind) == ("/layer_1/Gemm", "BinaryWeightGemm", "W1A32")
    assert (second.op, second.kind, third.kind) == ("BinaryGemm", "W1A1", "W1A1")
    assert (first.binary_macs, first.float_macs) == (0, 784 * 128)
    assert (second.binary_macs, second.float_macs) == (128 * 256, 0)
    assert (third.binary_macs, third.float_macs) == (256 * 10, 0)
    assert [name.split()[0] for name in second.fused][-3:] == [
        "BatchNormalization",
        "Greater",
        "Where",
    ]
    assert first.kernel.startswith("binary_weight_gemm/")
    assert second.kernel.startswith("xnor_")
    isas.check_kernels(engine, summary.isa)
    assert "not quantized" in first.reason
    assert second.reason == third.reason == ""
    # At least a bit a weight, at most what padding to whole words and the thresholds add.
    assert 128 * 256 / 8 <= second.bytes <= 128 * 256 / 8 + 256 * 8
    assert (last.op, last.binary_macs, last.float_macs) == ("LogSoftmax", 0, 0)
    assert {layer.executor for layer in summary.layers} == {"native"}


def test_table(engine: bnn_engine.Engine) -> None:
    text = str(engine.summary())
    lines = text.splitlines()
    assert lines[0] == f"kernels: {engine.summary().isa}"
    for layer in engine.summary().layers:
        (line,) = (line for line in lines if line.startswith(f"{layer.name} "))
        assert layer.kind in line
        assert layer.kernel in line
    assert f"{128 * 256 + 256 * 10:,}" in text
    assert "not binary, because:" in text


def test_convolutions_count_pixels() -> None:
    layers = bnn_engine.load(bnn_engine.models.path("mnist-bcnn")).summary().layers
    macs = {layer.name: layer.binary_macs for layer in layers if layer.binary_macs}
    assert macs["/conv_2/Conv"] == 11 * 11 * 32 * 32 * 9
    assert macs["/layer_1/Gemm"] == 800 * 32


def test_reasons_say_what_is_not_binary() -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        """g (float[N, 8] x) => (float[] y) {
            [near] a = MatMul(x, w)
            [wide] y = MatMul(a, v)
        }""",
        {"w": signs(random, (8, 4)), "v": random.normal(size=(4, 3)).astype(np.float32)},
    )
    near, wide = bnn_engine.load(model).summary().layers
    assert (near.kind, wide.kind) == ("W1A32", "float")
    assert "graph input 'x'" in near.reason
    assert "4 levels" in wide.reason


def test_trim_changes_no_answer(engine: bnn_engine.Engine, digits: NDArray[np.float32]) -> None:
    wanted = engine.predict(digits)
    for rows in (1, 6, 3):
        engine.trim()
        np.testing.assert_array_equal(engine.predict(digits[:rows]), wanted[:rows])
    engine.trim()
    engine.trim()


def test_shipped_models() -> None:
    assert bnn_engine.models.names() == ("mnist-bcnn", "mnist-bmlp", "mnist-cnn", "mnist-mlp")
    with pytest.raises(BnnError, match=r"'mnist-resnet'.*mnist-bcnn"):
        bnn_engine.models.path("mnist-resnet")


def reasons(text: str, constants: dict[str, NDArray[Any]]) -> dict[str, tuple[str, str]]:
    """Kind and reason of every row by name."""
    layers = bnn_engine.load(model_from_text(text, constants)).summary().layers
    return {layer.name: (layer.kind, layer.reason) for layer in layers}


def test_every_layer_says_why_it_is_float() -> None:
    random = np.random.default_rng(0)
    rows = signs(random, (8, 8))
    rows[5, 2:4] = 0.25, 7.75
    found = reasons(
        """g (float[N, 8] x, double[N, 8] z)
            => (float[] a, float[] b, float[] c, double[] d, float[] e)
        {
            [r3] r = Relu(x)
            [after_relu] a = MatMul(r, k)
            [levels] b = Gemm<transB = 1>(x, rows)
            [product] c = MatMul(x, xt)
            xt = Transpose(x)
            [double] d = MatMul(z, w64)
            i = Reshape(x, image)
            [groups] e = Conv<group = 2>(i, kernels)
        }""",
        {
            "k": 3 * signs(random, (8, 4)) + 1,
            "rows": rows,
            "w64": rows.astype(np.float64),
            "image": np.array([-1, 2, 2, 2]),
            "kernels": signs(random, (2, 1, 1, 1)),
        },
    )
    assert found["after_relu"] == ("float", "input is not quantized: comes from Relu 'r3'")
    assert found["levels"] == ("float", "weights have 4 levels in row 5")
    assert found["product"][1].startswith("weights are not constant: comes from Transpose")
    assert found["double"][1].startswith("input is float64")
    assert "runs in Python" in found["double"][1]
    assert found["groups"] == ("float", "input is not quantized: comes from Reshape 'i'")


def test_python_steps_say_what_they_cost() -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        """g (double[N, 4, 6, 6] x) => (double[] y) {
            [conv] a = Conv<pads = [1, 1, 1, 1]>(x, w)
            f = Flatten(a)  [gemm] g = Gemm<transB = 1>(f, v)  [product] y = MatMul(g, u)
        }""",
        {"w": random.normal(size=(5, 4, 3, 3)), "v": np.ones((7, 180)), "u": np.ones((7, 2))},
    )
    summary = bnn_engine.load(model).summary()
    costs = {layer.name: (layer.float_macs, layer.bytes) for layer in summary.layers}
    assert costs["conv"] == (5 * 36 * 4 * 9, 5 * 4 * 9 * 8)
    assert costs["gemm"] == (7 * 180, 7 * 180 * 8)
    assert costs["product"] == (2 * 7, 2 * 7 * 8)
    not_binary, _, in_python = str(summary).partition("in Python:")
    assert "not binary" not in not_binary
    assert in_python.count("runs in Python") == 3
