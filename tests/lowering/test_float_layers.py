"""Float layers against ONNX Runtime, within the bound derived from the length of the sum."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.answers import assert_equal_answers, assert_within
from tests.support.bounds import Bounded, convolution, dense, exactly, gamma, log_softmax, windows
from tests.support.onnx_models import model_from_text, signs

Floats = NDArray[np.float32]


def normal(random: np.random.Generator, *shape: int) -> Floats:
    return random.normal(size=shape).astype(np.float32)


def shape_text(shape: tuple[int, ...], batch: str = "N") -> str:
    return ", ".join([batch, *(str(extent) for extent in shape[1:])])


def random_window(
    random: np.random.Generator, largest: int
) -> tuple[int, int, list[int], list[int], list[int]]:
    """Kernel, strides, pads, dilations."""
    height, width = (int(size) for size in random.integers(1, largest + 1, 2))
    strides = [int(step) for step in random.integers(1, 4, 2)]
    dilations = [int(step) for step in random.integers(1, 4, 2)]
    pads = [int(pad) for pad in random.integers(0, 4, 4)]
    return height, width, strides, pads, dilations


def image_for(
    random: np.random.Generator, kernel: tuple[int, int], pads: list[int], dilations: list[int]
) -> tuple[int, int]:
    """The extents of an image that may be smaller than the window, but has one output."""
    extents = []
    for axis in range(2):
        span = (kernel[axis] - 1) * dilations[axis] + 1
        least = max(1, span - pads[axis] - pads[axis + 2])
        extents.append(int(random.integers(least, least + 9)))
    return extents[0], extents[1]


def conv_model(
    weights: Floats,
    bias: Floats | None,
    shape: tuple[int, ...],
    attributes: str,
    after: str = "y = Identity(z)",
    **constants: Floats,
) -> onnx.ModelProto:
    extra = ", b" if bias is not None else ""
    listed = f"<{attributes}>" if attributes else ""
    text = f"""g (float[{shape_text(shape)}] x) => (float[] y)
    {{ z = Conv {listed} (x, w{extra}) {after} }}"""
    given = {"w": weights, **constants}
    if bias is not None:
        given["b"] = bias
    return model_from_text(text, given)


@pytest.mark.parametrize("seed", range(60))
def test_conv(seed: int, isa: str) -> None:
    del isa
    random = np.random.default_rng(seed)
    groups = int(random.choice([1, 1, 2, 3, 5]))
    per_group = int(random.choice([1, 2, 3, 8, 17]))
    outputs = groups * int(random.choice([1, 2, 7, 16, 33]))
    height, width, strides, pads, dilations = random_window(random, 5)
    image = image_for(random, (height, width), pads, dilations)
    x = normal(random, int(random.integers(1, 4)), groups * per_group, *image)
    weights = normal(random, outputs, per_group, height, width)
    bias = normal(random, outputs) if random.random() < 0.5 else None
    attributes = (
        f"group={groups}, strides={strides}, pads={pads}, dilations={dilations}, "
        f"kernel_shape=[{height}, {width}]"
    )
    bounded = convolution(
        exactly(x),
        weights.astype(np.float64),
        None if bias is None else bias.astype(np.float64),
        groups,
        strides,
        pads,
        dilations,
    )
    assert_within(conv_model(weights, bias, x.shape, attributes), {"x": x}, bounded)


def test_depthwise_conv_with_relu_and_clip(isa: str) -> None:
    del isa
    random = np.random.default_rng(0)
    x, weights, bias = normal(random, 2, 19, 7, 6), normal(random, 19, 1, 3, 3), normal(random, 19)
    after = "r = Relu(z) y = Clip(r, low, high)"
    bounds = {"low": np.float32(0.25), "high": np.float32(1.5)}
    model = conv_model(
        weights,
        bias,
        x.shape,
        "group=19, pads=[1, 1, 1, 1]",
        after,
        **{name: np.asarray(value) for name, value in bounds.items()},
    )
    exact = convolution(
        exactly(x), weights.astype(np.float64), bias.astype(np.float64), 19, pads=(1, 1, 1, 1)
    )
    clipped = Bounded(np.clip(exact.value, 0.25, 1.5), exact.error)
    engine = assert_within(model, {"x": x}, clipped)
    (layer,) = (layer for layer in engine.summary().layers if layer.op == "Conv")
    assert [origin.split()[0] for origin in layer.fused] == ["Relu", "Clip"]


@pytest.mark.parametrize(
    "attributes", ['auto_pad="SAME_UPPER"', 'auto_pad="SAME_LOWER"', 'auto_pad="VALID"', ""]
)
@pytest.mark.parametrize("stride", [1, 2])
def test_conv_with_automatic_padding(attributes: str, stride: int) -> None:
    random = np.random.default_rng(1)
    x, weights = normal(random, 2, 3, 8, 7), normal(random, 5, 3, 4, 3)
    text = ", ".join(part for part in (attributes, f"strides=[{stride}, {stride}]") if part)
    model = conv_model(weights, None, x.shape, text)
    (wanted,) = ort.run(model, {"x": x}).values()
    magnitude = 3 * 4 * 3 * np.abs(x).max() * np.abs(weights).max()
    got = bnn_engine.load(model).predict(x)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2 * gamma(64) * magnitude)


@pytest.mark.parametrize("rank", [3, 5])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize(
    ("stride", "dilation", "pads"), [(1, 1, (0, 0)), (2, 1, (1, 2)), (1, 2, (0, 1))]
)
def test_conv_along_other_axes(
    rank: int, groups: int, stride: int, dilation: int, pads: tuple[int, int]
) -> None:
    """A line is an image of height 1; the bound is that of a sum over the whole window."""
    random = np.random.default_rng(rank)
    axes = rank - 2
    x = normal(random, 2, 6, *[7, 6, 5][:axes])
    weights = normal(random, 4 * groups, 6 // groups, *[3, 2, 3][:axes])
    attributes = (
        f"group={groups}, strides={[stride] * axes}, dilations={[dilation] * axes}, "
        f"pads={[pads[0]] * axes + [pads[1]] * axes}"
    )
    model = conv_model(weights, normal(random, 4 * groups), x.shape, attributes)
    engine = bnn_engine.load(model)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    (wanted,) = ort.run(model, {"x": x}).values()
    length = weights[0].size
    magnitude = length * np.abs(x).max() * np.abs(weights).max() + 4
    bound = 2 * gamma(length + 16) * magnitude
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("rank", [3, 5])
def test_residual_of_other_ranks(rank: int) -> None:
    random = np.random.default_rng(rank)
    x = normal(random, 2, 5, *[6, 5, 4][: rank - 2])
    weights = normal(random, 5, 5, *[1] * (rank - 2))
    scale = normal(random, 5, *[1] * (rank - 2))
    model = conv_model(
        weights, None, x.shape, "", "m = Mul(z, s) a = Add(m, x) y = Relu(a)", s=scale
    )
    (wanted,) = ort.run(model, {"x": x}).values()
    magnitude = 5 * np.abs(x).max() * np.abs(weights).max() * np.abs(scale).max() + np.abs(x).max()
    got = bnn_engine.load(model).predict(x)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2 * gamma(5 + 16) * magnitude)


GEMM_BIASES = {
    "none": None,
    "vector": (7,),
    "row": (1, 7),
    "one": (1,),
    "one row": (1, 1),
    "scalar": (),
}


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("factors", [(1.0, 1.0), (0.5, -2.0), (-1.25, 0.0)])
@pytest.mark.parametrize("bias", GEMM_BIASES)
@pytest.mark.parametrize("features", [1, 19, 300])
def test_gemm(transposed: int, factors: tuple[float, float], bias: str, features: int) -> None:
    random = np.random.default_rng(features)
    x, weights = normal(random, 5, features), normal(random, features, 7)
    shape = GEMM_BIASES[bias]
    given = {"w": weights.T.copy() if transposed else weights}
    shift: Any = 0.0
    if shape is not None:
        given["c"] = np.asarray(normal(random, *shape))
        shift = given["c"].astype(np.float64) * factors[1]
    model = model_from_text(
        f"""g (float[N, {features}] x) => (float[] y) {{
            y = Gemm<alpha={factors[0]}, beta={factors[1]}, transB={transposed}>
                (x, w{", c" if shape is not None else ""}) }}""",
        given,
    )
    bounded = dense(exactly(x), weights.astype(np.float64) * factors[0], shift)
    assert_within(model, {"x": x}, bounded)


@pytest.mark.parametrize(
    "text",
    [
        "y = Gemm<transA=1>(x, w)",
        "y = Gemm(w, x)",
        "y = MatMul(w, x)",
        "y = Gemm(x, w, rows)",
        "y = MatMul(x, x)",
    ],
)
def test_other_products_are_right_too(text: str) -> None:
    random = np.random.default_rng(2)
    x = normal(random, 6, 6)
    constants = {"w": normal(random, 6, 6), "rows": normal(random, 6, 6)}
    model = model_from_text(f"g (float[6, 6] x) => (float[] y) {{ {text} }}", constants)
    (wanted,) = ort.run(model, {"x": x}).values()
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (0, 3)])
def test_matmul_of_any_rank(leading: tuple[int, ...], isa: str) -> None:
    del isa
    random = np.random.default_rng(3)
    x, weights = normal(random, *leading, 4, 21), normal(random, 21, 10)
    extents = ", ".join(["N", *(str(extent) for extent in x.shape[1:])])
    model = model_from_text(
        f"g (float[{extents}] x) => (float[] y) {{ y = MatMul(x, w) }}", {"w": weights}
    )
    assert_within(model, {"x": x}, dense(exactly(x), weights.astype(np.float64)))


def test_matmul_with_a_stack_of_weights() -> None:
    random = np.random.default_rng(4)
    x, weights = normal(random, 3, 4, 5), normal(random, 3, 5, 2)
    model = model_from_text(
        "g (float[3, 4, 5] x) => (float[] y) { y = MatMul(x, w) }", {"w": weights}
    )
    value = np.matmul(x.astype(np.float64), weights.astype(np.float64))
    magnitude = np.matmul(np.abs(x).astype(np.float64), np.abs(weights).astype(np.float64))
    assert_within(model, {"x": x}, Bounded(value, gamma(21) * magnitude))


def pool_attributes(random: np.random.Generator) -> tuple[dict[str, Any], tuple[int, int]]:
    """Attributes that ONNX Runtime accepts (padding smaller than the window) and an image."""
    height, width, strides, pads, dilations = random_window(random, 4)
    pads = [min(pad, (height, width)[axis % 2] - 1) for axis, pad in enumerate(pads)]
    attributes = {
        "kernel_shape": [height, width],
        "strides": strides,
        "pads": pads,
        "dilations": dilations,
        "ceil_mode": int(random.integers(0, 2)),
    }
    return attributes, image_for(random, (height, width), pads, dilations)


def pool_model(op: str, attributes: dict[str, Any], shape: tuple[int, ...]) -> onnx.ModelProto:
    listed = ", ".join(f"{key}={value}" for key, value in attributes.items())
    return model_from_text(
        f"g (float[{shape_text(shape)}] x) => (float[] y) {{ y = {op}<{listed}>(x) }}"
    )


@pytest.mark.parametrize("seed", range(60))
def test_max_pool(seed: int, isa: str) -> None:
    del isa
    random = np.random.default_rng(seed)
    attributes, image = pool_attributes(random)
    x = normal(random, 2, int(random.choice([1, 5, 16, 33])), *image)
    assert_equal_answers(pool_model("MaxPool", attributes, x.shape), {"x": x})


@pytest.mark.parametrize("seed", range(60))
def test_average_pool(seed: int, isa: str) -> None:
    del isa
    random = np.random.default_rng(seed)
    attributes, image = pool_attributes(random)
    attributes["count_include_pad"] = int(random.integers(0, 2))
    x = normal(random, 2, int(random.choice([1, 5, 16, 33])), *image)
    model = pool_model("AveragePool", attributes, x.shape)
    (wanted,) = ort.run(model, {"x": x}).values()
    engine = bnn_engine.load(model)
    assert [layer.executor for layer in engine.summary().layers] == ["native"]
    # The sum of the absolute values is at most the largest times the taps that it is divided by.
    bound = 2 * gamma(32) * np.abs(x).max()
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rank", [3, 5])
def test_pools_along_other_axes(rank: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    spatial = rank - 2
    kernel = [int(size) for size in random.integers(1, 4, spatial)]
    attributes = {
        "kernel_shape": kernel,
        "strides": [int(step) for step in random.integers(1, 4, spatial)],
        "pads": [int(random.integers(0, kernel[axis % spatial])) for axis in range(2 * spatial)],
        "ceil_mode": int(random.integers(0, 2)),
    }
    op = ["MaxPool", "AveragePool", "LpPool"][seed % 3]
    if op == "AveragePool":
        attributes["count_include_pad"] = int(random.integers(0, 2))
    x = normal(random, 2, int(random.choice([1, 5, 33])), *random.integers(4, 8, spatial))
    model = pool_model(op, attributes, x.shape)
    (wanted,) = ort.run(model, {"x": x}).values()
    engine = bnn_engine.load(model)
    assert [layer.executor for layer in engine.summary().layers] == ["native"]
    bound = 2 * gamma(64) * np.abs(x).max() * 27
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_lp_pool(p: int) -> None:
    x = normal(np.random.default_rng(p), 2, 7, 6, 5)
    model = pool_model("LpPool", {"kernel_shape": [3, 2], "p": p, "pads": [1, 0, 1, 1]}, x.shape)
    (wanted,) = ort.run(model, {"x": x}).values()
    engine = bnn_engine.load(model)
    assert [layer.executor for layer in engine.summary().layers] == ["native"]
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=gamma(64), atol=1e-6)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("spatial", [(9,), (9, 4), (3, 9, 4)])
def test_global_pools(op: str, spatial: tuple[int, ...]) -> None:
    random = np.random.default_rng(5)
    x = normal(random, 3, 21, *spatial)
    shape = shape_text(x.shape)
    model = model_from_text(f"g (float[{shape}] x) => (float[] y) {{ y = {op}(x) }}")
    (wanted,) = ort.run(model, {"x": x}).values()
    bound = 2 * gamma(128) * np.abs(x).max()
    engine = bnn_engine.load(model)
    assert [layer.executor for layer in engine.summary().layers] == ["native"]
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize(("rank", "axis"), [(r, a) for r in range(1, 5) for a in range(-r, r)])
def test_softmax(logarithm: bool, rank: int, axis: int) -> None:
    random = np.random.default_rng(6)
    extents = [3, 11, 5, 4][:rank]
    x = normal(random, *extents) * np.float32(10)
    op = "LogSoftmax" if logarithm else "Softmax"
    model = model_from_text(
        f"g (float[{', '.join(map(str, extents))}] x) => (float[] y) {{ y = {op}<axis={axis}>(x) }}"
    )
    last = log_softmax(exactly(np.moveaxis(x, axis, -1)))
    if not logarithm:
        probability = np.exp(last.value)
        last = Bounded(probability, probability * np.expm1(last.error) + 2.0**-149)
    bounded = Bounded(np.moveaxis(last.value, -1, axis), np.moveaxis(last.error, -1, axis))
    assert_within(model, {"x": x}, bounded, None)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_of_extreme_numbers(op: str) -> None:
    x = np.array(
        [[1e38, -1e38, 0], [-3e38, -3e38, -3e38], [1000, 999, -1000], [88.8, -104, 0]], np.float32
    )
    model = model_from_text(f"g (float[N, 3] x) => (float[] y) {{ y = {op}(x) }}")
    (wanted,) = ort.run(model, {"x": x}).values()
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), wanted, rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_before_opset_13_works_on_all_axes_behind(op: str) -> None:
    random = np.random.default_rng(7)
    x = normal(random, 3, 4, 5)
    model = model_from_text(
        f"g (float[3, 4, 5] x) => (float[] y) {{ y = {op}<axis=1>(x) }}", opset=11
    )
    (wanted,) = ort.run(model, {"x": x}).values()
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 9), (2, 9, 5), (2, 9, 3, 4), (2, 9, 3, 2, 2)])
@pytest.mark.parametrize("opset", [9, 14, 15, 21])
def test_batch_normalization_to_the_bit(shape: tuple[int, ...], opset: int) -> None:
    random = np.random.default_rng(8)
    x = normal(random, *shape) * np.float32(50)
    constants = {name: normal(random, 9) for name in ("scale", "shift", "mean")}
    constants["variance"] = np.abs(normal(random, 9))
    model = model_from_text(
        f"""g (float[{shape_text(shape)}] x) => (float[] y) {{
            y = BatchNormalization<epsilon=0.001>(x, scale, shift, mean, variance) }}""",
        constants,
        opset,
    )
    assert_equal_answers(model, {"x": x}, None)


CLIPS = ["", ", low", ", low, high", ", , high", ", high, low"]


@pytest.mark.parametrize("bounds", CLIPS)
def test_clip(bounds: str) -> None:
    x = np.array([[-np.inf, -2, -0.0, 0.0, 0.5, 3, np.inf]], np.float32)
    constants = {"low": np.asarray(np.float32(-1)), "high": np.asarray(np.float32(1))}
    model = model_from_text(
        f"g (float[N, 7] x) => (float[] y) {{ y = Clip(x{bounds}) }}", constants
    )
    assert_equal_answers(model, {"x": x}, None)


def test_clip_with_attributes() -> None:
    x = np.linspace(-3, 3, 14, dtype=np.float32).reshape(2, 7)
    model = model_from_text(
        "g (float[N, 7] x) => (float[] y) { y = Clip<min=-1.0, max=2.0>(x) }", opset=10
    )
    assert_equal_answers(model, {"x": x})


OPERANDS = {
    "scalar": (),
    "one": (1,),
    "channels": (5, 1, 1),
    "channels of one row": (1, 5, 1, 1),
    "columns": (4,),
    "image": (3, 4),
    "all of a row": (5, 3, 4),
    "everything": (2, 5, 3, 4),
}


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("first", [False, True])
def test_arithmetic_with_a_constant(op: str, operand: str, first: bool) -> None:
    random = np.random.default_rng(9)
    x = normal(random, 2, 5, 3, 4)
    constant = np.asarray(normal(random, *OPERANDS[operand]))
    order = "c, x" if first else "x, c"
    model = model_from_text(
        f"g (float[2, 5, 3, 4] x) => (float[] y) {{ y = {op}({order}) }}", {"c": constant}
    )
    assert_equal_answers(model, {"x": x}, None)


@pytest.mark.parametrize("power", [0.5, 4.0, -2.0, 3.0, 2.0**-126, 2.0**127])
def test_division_by_a_constant_to_the_bit(power: float) -> None:
    random = np.random.default_rng(10)
    x = normal(random, 30, 40)
    model = model_from_text(
        "g (float[N, 40] x) => (float[] y) { y = Div(x, c) }", {"c": np.asarray(np.float32(power))}
    )
    assert_equal_answers(model, {"x": x}, None)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 5), (2, 5)),
        ((2, 5, 3, 4), (2, 5, 3, 4)),
        ((2, 5, 3), (2, 5, 3)),
        ((2, 5), (1, 5)),
        ((2, 5, 3, 4), (2, 5, 1, 1)),
        ((3, 4), (2, 5, 3, 4)),
    ],
)
def test_arithmetic_of_two_tensors(op: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    random = np.random.default_rng(11)
    feeds = {"a": normal(random, *a), "b": normal(random, *b)}
    text = ", ".join(
        f"float[{', '.join(map(str, array.shape))}] {name}" for name, array in feeds.items()
    )
    model = model_from_text(f"g ({text}) => (float[] y) {{ y = {op}(a, b) }}")
    assert_equal_answers(model, feeds, None)


def test_residual_block() -> None:
    """The shortcut is read twice, and joins channels-last with plain images."""
    random = np.random.default_rng(12)
    x, weights = normal(random, 3, 6, 5, 7), normal(random, 6, 6, 3, 3)
    model = model_from_text(
        """g (float[N, 6, 5, 7] x) => (float[] y) {
            z = Conv<pads=[1, 1, 1, 1]>(x, w)
            r = Relu(z)
            s = Add(r, x)
            y = Mul(s, s)
        }""",
        {"w": weights},
    )
    conv = convolution(exactly(x), weights.astype(np.float64), pads=(1, 1, 1, 1))
    value, error = np.maximum(conv.value, 0) + x.astype(np.float64), conv.error
    error = error + gamma(1) * (np.abs(value) + error)
    square = value * value
    error = (1 + gamma(1)) * (2 * np.abs(value) * error + error**2) + gamma(1) * square
    assert_within(model, {"x": x}, Bounded(square, error))


@pytest.mark.parametrize("seed", range(12))
def test_images_larger_than_a_tile(seed: int, isa: str) -> None:
    """Enough work for several threads, and tails on every side."""
    del isa
    random = np.random.default_rng(seed)
    x, weights = normal(random, 2, 9, 37, 41), normal(random, 21, 9, 3, 3)
    model = conv_model(weights, None, x.shape, "pads=[1, 0, 2, 1]")
    wanted = convolution(exactly(x), weights.astype(np.float64), pads=(1, 0, 2, 1))
    answers = [bnn_engine.load(model, num_threads=n).predict(x) for n in (1, 3)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.all(np.abs(answers[0] - wanted.value) <= wanted.error)


def test_windows_see_what_convolutions_see() -> None:
    """The yardstick of this module against a sum written out."""
    random = np.random.default_rng(13)
    x = random.normal(size=(1, 2, 5, 6))
    seen = windows(x, (2, 3), (2, 1), (1, 0, 0, 2), (2, 1), fill=7.0)
    padded = np.full((1, 2, 6, 8), 7.0)
    padded[:, :, 1:, :6] = x
    assert seen.shape == (1, 2, 2, 6, 2, 3)
    for y, column, i, j in np.ndindex(2, 6, 2, 3):
        np.testing.assert_array_equal(
            seen[0, :, y, column, i, j], padded[0, :, 2 * y + 2 * i, column + j]
        )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the order is that of x86")
@pytest.mark.parametrize("signs_only", [False, True])
@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "size", "dilation"),
    [(3, 3, 1, 32, 1), (3, 7, 2, 64, 1), (1, 5, 1, 28, 1), (4, 3, 1, 40, 2), (2, 11, 4, 72, 1)],
)
def test_first_layers_add_in_the_order_of_onnx_runtime(
    channels: int,
    kernel: int,
    stride: int,
    size: int,
    dilation: int,
    signs_only: bool,
    isa: str,
) -> None:
    """Signs behind a first layer are those of ONNX Runtime even where its sums are nearly 0."""
    if isa == "scalar":
        pytest.skip("multiplies and adds in two roundings")
    random = np.random.default_rng(kernel)
    shape = (24, channels, kernel, kernel)
    weights = signs(random, shape) if signs_only else normal(random, *shape)
    pads = [kernel // 2 * dilation] * 4
    attributes = f"strides=[{stride}, {stride}], dilations=[{dilation}, {dilation}], pads={pads}"
    x = normal(random, 2, channels, size, size)
    model = conv_model(weights, normal(random, 24), x.shape, attributes)
    found = bnn_engine.load(model).run({"x": x})["y"]
    np.testing.assert_array_equal(found, ort.run(model, {"x": x})["y"])
