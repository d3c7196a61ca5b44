"""ConvTranspose against ONNX Runtime, within the bound of a sum over its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import bnn_engine
from tests.support import ort
from tests.support.bounds import gamma
from tests.support.onnx_models import model_from_text


def check(model: onnx.ModelProto, x: Any, length: int, largest: float) -> None:
    (wanted,) = ort.run(model, {"x": x}).values()
    engine = bnn_engine.load(model)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    got = engine.predict(x)
    assert got.shape == wanted.shape
    bound = 2 * gamma(length + 16) * (length * np.abs(x).max() * largest + 4)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("seed", range(60))
def test_conv_transpose(seed: int) -> None:
    random = np.random.default_rng(seed)
    axes = 1 + seed % 3
    groups = int(random.choice([1, 1, 2, 3]))
    channels, outputs = groups * int(random.integers(1, 5)), int(random.integers(1, 9))
    kernel = [int(size) for size in random.integers(1, 4, axes)]
    strides = [int(step) for step in random.integers(1, 4, axes)]
    dilations = [int(step) for step in random.integers(1, 3, axes)]
    pads = [int(random.integers(0, kernel[axis % axes])) for axis in range(2 * axes)]
    extra = [int(random.integers(0, stride)) for stride in strides]
    image = [int(extent) for extent in random.integers(3, 7, axes)]
    x = random.normal(size=(2, channels, *image)).astype(np.float32)
    weights = random.normal(size=(channels, outputs, *kernel)).astype(np.float32)
    constants = {"w": weights}
    if seed % 2:
        constants["b"] = random.normal(size=outputs * groups).astype(np.float32)
    shape = ", ".join(map(str, x.shape[1:]))
    model = model_from_text(
        f"""g (float[N, {shape}] x) => (float[] y) {{
            y = ConvTranspose<group={groups}, strides={strides}, dilations={dilations}, pads={pads},
                output_padding={extra}>(x, {", ".join(constants)}) }}""",
        constants,
    )
    check(model, x, channels * int(np.prod(kernel)), float(np.abs(weights).max()))


@pytest.mark.parametrize(
    "attributes",
    [
        'auto_pad="SAME_UPPER", strides=[1, 3]',
        'auto_pad="SAME_LOWER", strides=[1, 3]',
        'auto_pad="VALID", strides=[2, 1]',
        "output_shape=[9, 7], strides=[2, 1]",
        "output_shape=[13, 8], strides=[2, 1]",
        'output_shape=[9, 7], strides=[2, 1], auto_pad="SAME_UPPER"',
    ],
)
def test_automatic_padding(attributes: str) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 3, 5, 6)).astype(np.float32)
    weights = random.normal(size=(3, 4, 4, 3)).astype(np.float32)
    model = model_from_text(
        f"g (float[1, 3, 5, 6] x) => (float[] y) {{ y = ConvTranspose<{attributes}>(x, w) }}",
        {"w": weights},
    )
    check(model, x, 36, float(np.abs(weights).max()))
