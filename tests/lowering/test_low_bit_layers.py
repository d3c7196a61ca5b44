"""Layers of few-bit activations and weights against ONNX Runtime, on every instruction set."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.lowering.test_binary_layers import random_conv
from tests.support import isas, ort
from tests.support.answers import assert_equal_answers
from tests.support.low_bit import ACTIVATIONS, WEIGHTS, low_bit_model, weights_of

Floats = NDArray[np.float32]


def numbers(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Around the levels of all activations, ties of rounding included."""
    return (np.round(random.normal(size=shape) * 8) / 2).astype(np.float32)


def layer_kinds(engine: bnn_engine.Engine) -> list[str]:
    """Kinds of the layers with weights."""
    layers = engine.summary().layers
    return [layer.kind for layer in layers if layer.binary_macs or layer.float_macs]


def check(model: onnx.ModelProto, x: Floats, activation: str) -> bnn_engine.Engine:
    """Equal answers, or where ONNX Runtime's own sums round, answers within their rounding."""
    if ACTIVATIONS[activation].exact:
        return assert_equal_answers(model, {"x": x})
    engine = bnn_engine.load(model)
    got, wanted = engine.predict(x), ort.run(model, {"x": x})["y"]
    assert isinstance(got, np.ndarray)
    # Every product is known up to 3 roundings, and K of them are added up.
    weights = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    rows = np.abs(weights["w"]).reshape(len(weights["w"]), -1)
    bound = (rows.shape[1] + 6) * 2.0**-24 * rows.sum(axis=1).max()
    assert np.abs(got - wanted).max(initial=0) <= bound
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    return engine


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_conv(activation: str, weights: str, isa: str) -> None:
    """Borders too: padding is the value 0, whatever level that is."""
    random = np.random.default_rng(zlib.crc32(f"{activation} {weights} {isa}".encode()))
    shape, filters, attributes = random_conv(random)
    w = weights_of(weights, random, filters)
    nodes = f"y = Conv<{attributes}>(s, w)"
    model = low_bit_model(shape, activation, nodes, {"w": w})
    engine = check(model, numbers(random, shape), activation)
    isas.record(engine)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_kinds(activation: str, weights: str) -> None:
    random = np.random.default_rng(0)
    model = low_bit_model(
        (2, 40),
        activation,
        "y = Gemm<transB = 1>(s, w)",
        {"w": weights_of(weights, random, (9, 40))},
    )
    engine = check(model, numbers(random, (2, 40)), activation)
    kind = WEIGHTS[weights][1] + ACTIVATIONS[activation].kind
    assert layer_kinds(engine) == [kind]
    (layer,) = (layer for layer in engine.summary().layers if layer.kind == kind)
    assert layer.binary_macs == 9 * 40
    assert layer.kernel.startswith("xnor_")


@pytest.mark.parametrize("weights", ["zero and one", "ternary", "two signed bits", "four bits"])
@pytest.mark.parametrize(
    "activation", ["zero and one", "ternary", "two bits", "odd", "four signed bits"]
)
@pytest.mark.parametrize(("groups", "inputs", "outputs"), [(3, 5, 4), (2, 64, 8), (70, 1, 2)])
def test_groups(
    groups: int, inputs: int, outputs: int, activation: str, weights: str, isa: str
) -> None:
    """Groups of whole words and of parts of words, and one channel a group."""
    del isa
    random = np.random.default_rng(groups)
    shape = (2, groups * inputs, 6, 5)
    w = weights_of(weights, random, (groups * outputs, inputs, 3, 3))
    nodes = f"y = Conv<group = {groups}, pads = [1, 1, 1, 1], strides = [1, 2]>(s, w)"
    model = low_bit_model(shape, activation, nodes, {"w": w})
    engine = check(model, numbers(random, shape), activation)
    assert layer_kinds(engine)[0].startswith("W")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("shape", "filters", "attributes"),
    [
        ((2, 20, 9), (5, 20, 3), "pads = [2, 1], strides = [2]"),
        ((2, 1, 9), (5, 1, 4), "dilations = [2]"),
        ((1, 70, 4, 5, 6), (3, 70, 2, 3, 2), "pads = [1, 1, 0, 0, 1, 1], strides = [1, 2, 1]"),
    ],
)
def test_lines_and_volumes(
    shape: tuple[int, ...], filters: tuple[int, ...], attributes: str, activation: str, isa: str
) -> None:
    del isa
    random = np.random.default_rng(len(shape))
    w = weights_of("ternary", random, filters)
    nodes = f"y = Conv<{attributes}>(s, w)"
    model = low_bit_model(shape, activation, nodes, {"w": w})
    engine = check(model, numbers(random, shape), activation)
    assert layer_kinds(engine) == [f"W2{ACTIVATIONS[activation].kind}"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rows_of_two_levels_that_are_not_opposite(activation: str, isa: str) -> None:
    """AdaBin: the sum of the input under the window is a layer of its own."""
    del isa
    random = np.random.default_rng(3)
    alpha = random.choice([0.5, 0.25, 1.0], 6).reshape(-1, 1, 1, 1)
    beta = random.choice([0.1875, -0.40625], 6).reshape(-1, 1, 1, 1)
    sign = random.choice([-1.0, 1.0], (6, 33, 3, 3))
    w = (beta + alpha * sign).astype(np.float32)
    model = low_bit_model(
        (2, 33, 7, 6), activation, "y = Conv<pads = [1, 1, 1, 1]>(s, w)", {"w": w}
    )
    engine = bnn_engine.load(model)
    x = numbers(random, (2, 33, 7, 6))
    got, wanted = engine.predict(x), ort.run(model, {"x": x})["y"]
    assert isinstance(got, np.ndarray)
    magnitude = np.abs(w).sum(axis=(1, 2, 3)).max() * 8
    assert np.abs(got - wanted).max() <= (33 * 9 + 16) * 2.0**-24 * magnitude
    kind = ACTIVATIONS[activation].kind
    assert layer_kinds(engine) == [f"W1{kind}", f"W1{kind}"]


@pytest.mark.parametrize("weights", ["signs", "ternary", "two signed bits"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_from_accumulators_to_planes(activation: str, weights: str, isa: str) -> None:
    """Between two layers only planes are stored, whatever arithmetic per channel there is.

    An offset that is not in the padding differs between the pixels of a channel.
    """
    del isa
    random = np.random.default_rng(5)
    second = ACTIVATIONS["two bits"].nodes
    for name in ("low", "high", "c", "r", "k", "s"):
        second = second.replace(f"{name} =", f"{name}2 =").replace(f"({name},", f"({name}2,")
        second = second.replace(f", {name})", f", {name}2)").replace(f", {name},", f", {name}2,")
        second = second.replace(f"({name})", f"({name}2)")
    second = second.replace("Clip(x,", "Clip(n,")
    nodes = (
        "z = Conv<pads = [1, 1, 1, 1]>(s, w) n = BatchNormalization(z, scale, shift, mean, var) "
        f"{second} y = Conv(s2, v)"
    )
    constants = {
        "w": weights_of(weights, random, (9, 70, 3, 3)),
        "v": weights_of("ternary", random, (5, 9, 2, 2)),
        "scale": random.choice([-0.5, 0.0, 0.3, 1.0], 9).astype(np.float32),
        "shift": random.choice([0.0, 0.75, 2.0], 9).astype(np.float32),
        "mean": np.round(random.normal(size=9) * 3).astype(np.float32),
        "var": random.uniform(0.5, 40, 9).astype(np.float32),
    }
    model = low_bit_model((2, 70, 6, 5), activation, nodes, constants)
    x = numbers(random, (2, 70, 6, 5))
    if ACTIVATIONS[activation].exact:
        engine = assert_equal_answers(model, {"x": x})
    else:
        engine = bnn_engine.load(model)
    first, last = (layer for layer in engine.summary().layers if layer.binary_macs)
    assert last.kind == "W2A2"
    for op_type in ("BatchNormalization", "Round"):
        fused = any(origin.startswith(op_type) for origin in first.fused)
        assert fused is not activation.endswith("offset")


@pytest.mark.parametrize("activation", ["signs", "ternary", "two bits", "odd", "zero and one"])
def test_flattened_images(activation: str, isa: str) -> None:
    """Packed pixels have tail bits inside the rows of the dense layer."""
    del isa
    random = np.random.default_rng(6)
    w = weights_of("ternary", random, (17, 9 * 20))
    model = low_bit_model(
        (3, 20, 3, 3), activation, "f = Flatten(s) y = Gemm<transB = 1>(f, w)", {"w": w}
    )
    check(model, numbers(random, (3, 20, 3, 3)), activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_floats_where_others_read_them(activation: str, isa: str) -> None:
    """The activation is an output, too, and pooled and added to the layer's result."""
    del isa
    random = np.random.default_rng(7)
    nodes = "c1 = Conv(s, w) q = MaxPool<kernel_shape = [2, 2]>(s) z = Add(c1, s) y = Add(z, z)"
    w = weights_of("signs", random, (12, 12, 1, 1))
    model = low_bit_model((2, 12, 5, 4), activation, nodes, {"w": w})
    for name in ("s", "q"):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    x = numbers(random, (2, 12, 5, 4))
    engine = bnn_engine.load(model)
    got, wanted = engine.run({"x": x}), ort.run(model, {"x": x})
    for name in ("s", "q"):
        np.testing.assert_array_equal(got[name], wanted[name])
    bound = 12 * 2.0**-22 * 8
    assert np.abs(got["y"] - wanted["y"]).max() <= (0 if ACTIVATIONS[activation].exact else bound)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_not_a_number(activation: str, isa: str) -> None:
    """A NaN gives what ONNX gives, for a comparison as for Round."""
    del isa
    random = np.random.default_rng(8)
    w = weights_of("ternary", random, (6, 12, 3, 3))
    model = low_bit_model(
        (2, 12, 5, 4), activation, "y = Conv<pads = [1, 1, 1, 1]>(s, w)", {"w": w}
    )
    x = numbers(random, (2, 12, 5, 4))
    x[1, 3, 2, 2] = np.nan
    got, wanted = bnn_engine.load(model).run({"x": x})["y"], ort.run(model, {"x": x})["y"]
    if ACTIVATIONS[activation].exact:
        np.testing.assert_array_equal(got, wanted)
    else:
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_saved_files(activation: str, tmp_path: Path) -> None:
    """Reloaded or in plain ONNX Runtime, a packed file gives the same answers."""
    random = np.random.default_rng(9)
    nodes = "z = Conv<pads = [1, 1, 1, 1]>(s, w) y = Conv(z, real)"
    w = weights_of("two signed bits", random, (6, 12, 3, 3))
    real = random.integers(-5, 6, (2, 6, 1, 1)).astype(np.float32)
    model = low_bit_model((2, 12, 5, 4), activation, nodes, {"w": w, "real": real})
    x = numbers(random, (2, 12, 5, 4))
    engine = bnn_engine.load(model)
    engine.save(tmp_path / "packed.onnx")
    wanted = engine.predict(x)
    again = bnn_engine.load(tmp_path / "packed.onnx")
    np.testing.assert_array_equal(again.predict(x), wanted)
    assert str(again.summary()) == str(engine.summary())
    np.testing.assert_array_equal(ort.run(tmp_path / "packed.onnx", {"x": x})["y"], wanted)


def test_scales_per_channel_keep_a_layer_in_float() -> None:
    random = np.random.default_rng(10)
    scale = np.array([0.5, 0.25, 1, 2], np.float32).reshape(4, 1, 1)
    model = low_bit_model(
        (2, 4, 5, 5),
        "two bits",
        "u = Mul(s, scale) y = Conv(u, w)",
        {"w": weights_of("ternary", random, (3, 4, 3, 3)), "scale": scale},
    )
    engine = assert_equal_answers(model, {"x": numbers(random, (2, 4, 5, 5))})
    (layer,) = (layer for layer in engine.summary().layers if layer.float_macs)
    assert layer.kind == "float"
    assert layer.reason.startswith("input is not quantized: comes from Mul")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("first", [True, False])
def test_max_pool_before_and_after(activation: str, first: bool, isa: str) -> None:
    """The layer in front stores planes, and the pool reads them."""
    del isa
    random = np.random.default_rng(11)
    pool = "MaxPool<kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 0]>"
    x = numbers(random, (2, 7, 8, 9))
    conv = random.integers(-4, 5, (70, 7, 2, 2)).astype(np.float32)
    quantize = ACTIVATIONS[activation].nodes.replace("(x", "(f")
    if first:
        nodes = f"g = Conv(x, v) f = {pool}(g) {quantize} y = Conv(s, w)"
    else:
        nodes = f"f = Conv(x, v) {quantize} p2 = {pool}(s) y = Conv(p2, w)"
    model = low_bit_model(
        (2, 7, 8, 9), None, nodes, {"v": conv, "w": weights_of("ternary", random, (5, 70, 2, 2))}
    )
    engine = check(model, x, activation)
    rising = ACTIVATIONS[activation].rises
    kernels = [layer.kernel for layer in engine.summary().layers if layer.op == "MaxPool"]
    assert any(kernel.startswith("pool_max_f32") for kernel in kernels) is (first and not rising)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((2, 20, 9), "kernel_shape = [3], strides = [2], pads = [1, 0]"),
        ((1, 70, 4, 5, 6), "kernel_shape = [2, 3, 2], strides = [1, 2, 2]"),
    ],
)
def test_pools_of_lines_and_volumes(
    shape: tuple[int, ...], window: str, activation: str, isa: str
) -> None:
    del isa
    random = np.random.default_rng(12)
    w = weights_of("two signed bits", random, (5, shape[1], *[1] * (len(shape) - 2)))
    nodes = f"q = MaxPool<{window}>(s) y = Conv(q, w)"
    check(low_bit_model(shape, activation, nodes, {"w": w}), numbers(random, shape), activation)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("activation", ["signs", "ternary", "two bits", "plus and minus a half"])
def test_products_along_the_last_axis(activation: str, axes: int, isa: str) -> None:
    """As in transformers: [N, ..., K] times [K, O]."""
    del isa
    random = np.random.default_rng(13)
    shape = (2, *(3, 4, 2)[:axes], 70)
    w = weights_of("ternary", random, (9, 70)).T.copy()
    model = low_bit_model(shape, activation, "y = MatMul(s, w)", {"w": w})
    engine = check(model, numbers(random, shape), activation)
    assert layer_kinds(engine) == [f"W2{ACTIVATIONS[activation].kind}"]
