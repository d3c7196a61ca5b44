"""Layers with 1-bit weights against ONNX Runtime, on integers, where both must agree to the bit.

The sums of ±1 (and of pixels 0..255) are integers that float32 holds exactly, in any order.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text, signs

Floats = NDArray[np.float32]

SIGN = "c = Greater({x}, zero) {y} = Where(c, one, minus)"
"""±1 from floats, as fastinference writes it."""

SCALARS = {
    "zero": np.asarray(np.float32(0)),
    "one": np.asarray(np.float32(1)),
    "minus": np.asarray(np.float32(-1)),
}


def binary_model(
    shape: tuple[int, ...], nodes: str, constants: dict[str, Floats]
) -> onnx.ModelProto:
    """``nodes`` read ``s``, the signs of the input, and give ``y``."""
    extents = ", ".join(["N", *(str(extent) for extent in shape[1:])])
    text = f"g (float[{extents}] x) => (float[] y) {{ {SIGN.format(x='x', y='s')} {nodes} }}"
    return model_from_text(text, {**SCALARS, **constants})


def kinds(model: onnx.ModelProto, x: Floats) -> list[str]:
    """Kinds of the layers with weights; the answers have been compared."""
    layers = assert_equal_answers(model, {"x": x}).summary().layers
    return [layer.kind for layer in layers if layer.binary_macs or layer.float_macs]


def batch_norm(
    random: np.random.Generator, outputs: int, spread: float
) -> tuple[str, dict[str, Floats]]:
    """A BatchNorm and a comparison behind ``z``, with ties, negative and zero scales."""
    scale = random.choice([-1.5, -0.25, 0.0, 0.5, 2.0], outputs)
    shift = np.where(random.random(outputs) < 0.5, 0, random.normal(size=outputs))
    mean = np.round(random.normal(size=outputs) * spread / 2)
    values = {
        "scale": scale,
        "shift": shift,
        "mean": mean,
        "variance": random.uniform(0.5, 2, outputs) * spread,
    }
    nodes = "n = BatchNormalization(z, scale, shift, mean, variance) "
    nodes += "d = Greater(n, zero) y = Where(d, one, minus)"
    return nodes, {name: value.astype(np.float32) for name, value in values.items()}


PLAIN: tuple[str, dict[str, Floats]] = ("y = Identity(z)", {})


def random_conv(
    random: np.random.Generator,
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int], str]:
    """Input shape, weight shape, attributes; the image may be smaller than the dilated filter."""
    height, width = (int(size) for size in random.integers(1, 6, 2))
    strides = [int(step) for step in random.integers(1, 4, 2)]
    dilations = [int(step) for step in random.integers(1, 4, 2)]
    pads = [int(pad) for pad in random.integers(0, 4, 4)]
    image = []
    for axis, size in enumerate((height, width)):
        span = (size - 1) * dilations[axis] + 1
        least = max(1, span - pads[axis] - pads[axis + 2])
        image.append(int(random.integers(least, least + 7)))
    channels = int(
        random.choice([1, 2, 3, 31, 63, 64, 65, 127, 128, 129, int(random.integers(1, 131))])
    )
    outputs = int(random.choice([1, 3, 8, 16, 17, 33, 64]))
    attributes = f"strides={strides}, dilations={dilations}, pads={pads}"
    x = (int(random.integers(1, 4)), channels, image[0], image[1])
    return x, (outputs, channels, height, width), attributes


@pytest.mark.parametrize("seed", range(80))
def test_binary_conv(seed: int, isa: str) -> None:
    """Zero padding is a third value beside ±1: borders must be exact."""
    del isa
    random = np.random.default_rng(seed)
    shape, filters, attributes = random_conv(random)
    x = random.normal(size=shape).astype(np.float32)
    constants = {"w": signs(random, filters)}
    nodes = f"z = Conv<{attributes}>(s, w)"
    tail, more = PLAIN
    if seed % 2:
        tail, more = batch_norm(random, filters[0], float(np.prod(filters[1:])) ** 0.5)
    model = binary_model(shape, f"{nodes} {tail}", {**constants, **more})
    assert kinds(model, x) == ["W1A1"]


@pytest.mark.parametrize("seed", range(40))
def test_grouped_conv(seed: int, isa: str) -> None:
    """Groups of whole words and of parts of words, and one channel a group."""
    del isa
    random = np.random.default_rng(seed)
    shape, filters, attributes = random_conv(random)
    groups = int(random.integers(2, 5))
    inputs, outputs = int(random.choice([1, 2, 5, 33, 64, 65, 128])), int(random.integers(1, 20))
    if seed % 4 == 0:  # depthwise
        groups, inputs, outputs = groups * inputs, 1, int(random.integers(1, 3))
    if seed % 3 == 0:
        outputs = 8 * outputs
    shape = (shape[0], groups * inputs, *shape[2:])
    filters = (groups * outputs, inputs, *filters[2:])
    x = random.normal(size=shape).astype(np.float32)
    nodes = f"z = Conv<group={groups}, {attributes}>(s, w)"
    tail, more = PLAIN
    if seed % 2:
        tail, more = batch_norm(random, filters[0], float(np.prod(filters[1:])) ** 0.5)
    constants = {"w": signs(random, filters), **more}
    assert kinds(binary_model(shape, f"{nodes} {tail}", constants), x) == ["W1A1"]
    # The same with Sign, zeros and NaN.
    text = ", ".join(["N", *(str(extent) for extent in shape[1:])])
    model = model_from_text(
        f"g (float[{text}] x) => (float[] y) {{ s = Sign(x) {nodes} {tail} }}",
        {**SCALARS, **constants},
    )
    x[random.random(shape) < 0.01] = 0
    assert kinds(model, x) == ["W1A1"]
    x.reshape(-1)[random.integers(x.size)] = np.nan
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("seed", range(40))
def test_binary_weight_conv(seed: int, isa: str) -> None:
    """A first layer: pixels, ±1 weights and biases."""
    del isa
    random = np.random.default_rng(seed)
    shape, filters, attributes = random_conv(random)
    x = random.integers(0, 256, shape).astype(np.float32)
    constants = {"w": signs(random, filters), "b": signs(random, filters[:1])}
    tail, more = PLAIN
    if seed % 2:
        tail, more = batch_norm(random, filters[0], 100 * float(np.prod(filters[1:])) ** 0.5)
    text = ", ".join(["N", *(str(extent) for extent in shape[1:])])
    model = model_from_text(
        f"g (float[{text}] x) => (float[] y) {{ z = Conv<{attributes}>(x, w, b) {tail} }}",
        {**SCALARS, **constants, **more},
    )
    assert kinds(model, x) == ["W1A32"]


@pytest.mark.parametrize("features", [1, 7, 63, 64, 65, 200, 512, 1000, 4097])
@pytest.mark.parametrize("layer", ["Gemm(s, t)", "Gemm<transB=1>(s, w)", "MatMul(s, t)"])
@pytest.mark.parametrize("thresholds", [False, True])
def test_binary_dense(features: int, layer: str, thresholds: bool, isa: str) -> None:
    del isa
    random = np.random.default_rng(features)
    x = random.normal(size=(5, features)).astype(np.float32)
    weights = signs(random, (37, features))
    constants = {"w": weights, "t": weights.T.copy()}
    tail, more = PLAIN
    if thresholds:
        tail, more = batch_norm(random, 37, features**0.5)
    model = binary_model(x.shape, f"z = {layer} {tail}", {**constants, **more})
    assert kinds(model, x) == ["W1A1"]


def test_sums_beyond_sixteen_bits(isa: str) -> None:
    """K = 70,000 equal signs: a 16-bit accumulator would overflow."""
    del isa
    x = np.ones((2, 70_000), np.float32)
    x[1, :3] = -1
    model = binary_model(x.shape, "y = MatMul(s, w)", {"w": np.ones((70_000, 2), np.float32)})
    assert kinds(model, x) == ["W1A1"]


@pytest.mark.parametrize("alpha", [1.0, -1.0, 0.0, 0.25, -3.0])
@pytest.mark.parametrize("beta", [1.0, -2.0, 0.0])
def test_factors_of_gemm_around_bits(alpha: float, beta: float) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 50)).astype(np.float32)
    constants = {"w": signs(random, (50, 9)), "b": signs(random, (9,))}
    model = binary_model(x.shape, f"y = Gemm<alpha={alpha}, beta={beta}>(s, w, b)", constants)
    assert_equal_answers(model, {"x": x})


# Channel counts whose packed pixels have a tail, and one that fills its words.
CHANNELS = [1, 3, 33, 64, 65]

LAYOUTS = {
    "flatten": "f = Flatten(s) y = MatMul(f, w)",
    "flatten by a negative axis": "f = Flatten<axis=-3>(s) y = MatMul(f, w)",
    "reshape": "f = Reshape(s, rows) y = MatMul(f, w)",
    "transposed": "t = Transpose<perm=[0, 2, 3, 1]>(s) f = Flatten(t) y = MatMul(f, w)",
    "swapped axes": "t = Transpose<perm=[0, 1, 3, 2]>(s) f = Flatten(t) y = MatMul(f, w)",
    "pooled": "p = MaxPool<kernel_shape=[1, 1]>(s) f = Flatten(p) y = MatMul(f, w)",
    "there and back": "f = Flatten(s) i = Reshape(f, image) g = Flatten(i) y = MatMul(g, w)",
    "added": "a = Add(s, s) f = Flatten(a) y = MatMul(f, w)",
    "last axis": "y = MatMul(s, last)",
    "scaled": "a = Mul(s, half) f = Flatten(a) y = MatMul(f, w)",
    "softmax": "q = Relu(s) f = Flatten(q) y = MatMul(f, w)",
}


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_packed_images(channels: int, layout: str, isa: str) -> None:
    """Bits are packed per pixel; what follows must still see C, H, W order."""
    del isa
    random = np.random.default_rng(channels)
    shape = (3, channels, 4, 5)
    x = random.normal(size=shape).astype(np.float32)
    constants = {
        "w": signs(random, (channels * 20, 11)),
        "last": signs(random, (5, 6)),
        "half": np.asarray(np.float32(0.5)),
        "rows": np.array([-1, channels * 20]),
        "image": np.array([-1, channels, 4, 5]),
    }
    model = binary_model(shape, LAYOUTS[layout], constants)
    found = kinds(model, x)
    if layout in ("flatten", "flatten by a negative axis", "reshape", "pooled"):
        assert found == ["W1A1"]


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
def test_pooling_of_packed_images(channels: int, ceil_mode: int, pads: list[int], isa: str) -> None:
    del isa
    random = np.random.default_rng(channels)
    shape = (2, channels, 7, 6)
    x = random.normal(size=shape).astype(np.float32) - np.float32(1)
    pool = f"MaxPool<kernel_shape=[3, 2], strides=[2, 2], pads={pads}, ceil_mode={ceil_mode}>(s)"
    nodes = f"p = {pool} y = Conv(p, w)"
    model = binary_model(shape, nodes, {"w": signs(random, (9, channels, 2, 2))})
    assert kinds(model, x) == ["W1A1"]


@pytest.mark.parametrize("op", ["AveragePool<kernel_shape=[2, 2]>", "GlobalAveragePool"])
def test_averages_of_packed_images(op: str, isa: str) -> None:
    del isa
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 35, 4, 4)).astype(np.float32)
    assert_equal_answers(binary_model(x.shape, f"y = {op}(s)", {}), {"x": x})


def test_one_packed_value_with_many_readers(isa: str) -> None:
    """Bits for the convolutions, floats for the shortcut and for the output."""
    del isa
    random = np.random.default_rng(2)
    x = random.normal(size=(2, 35, 6, 5)).astype(np.float32)
    constants = {"w": signs(random, (35, 35, 3, 3)), "v": signs(random, (35, 35, 1, 1))}
    extents = ", ".join(["N", *(str(extent) for extent in x.shape[1:])])
    model = model_from_text(
        f"""g (float[{extents}] x) => (float[] s, float[] y) {{
            {SIGN.format(x="x", y="s")}
            a = Conv<pads=[1, 1, 1, 1]>(s, w)
            b = Conv(s, v)
            t = Add(a, b)
            y = Add(t, s)
        }}""",
        {**SCALARS, **constants},
    )
    assert kinds(model, x) == ["W1A1", "W1A1"]
