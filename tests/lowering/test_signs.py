"""Sign on bits against ONNX Runtime: zeros, NaN, thresholds of sums, constant padding."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.lowering.test_binary_layers import SCALARS, batch_norm, binary_model, random_conv
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text, signs

Floats = NDArray[np.float32]

ZEROS = {"none": 0.0, "one": 1e-9, "few": 0.01, "many": 0.5, "all": 1.0}
"""Share of exact zeros in the input."""


def sign_model(shape: tuple[int, ...], nodes: str, constants: dict[str, Floats]) -> onnx.ModelProto:
    """``nodes`` read ``s``, Sign of the input, and give ``y``."""
    extents = ", ".join(["N", *(str(extent) for extent in shape[1:])])
    text = f"g (float[{extents}] x) => (float[] y) {{ s = Sign(x) {nodes} }}"
    return model_from_text(text, {**SCALARS, **constants})


def with_zeros(random: np.random.Generator, shape: tuple[int, ...], share: str) -> Floats:
    """Normally distributed numbers, some of them +0 or -0."""
    x = random.normal(size=shape).astype(np.float32)
    zero = random.random(shape) < ZEROS[share]
    if share == "one":
        zero.reshape(-1)[random.integers(x.size)] = True
    x[zero] = random.choice(np.array([0, -0.0], np.float32), int(zero.sum()))
    return x


def kernels(engine: bnn_engine.Engine) -> dict[str, str]:
    """Kind of every layer with weights, by name."""
    layers = engine.summary().layers
    return {layer.name: layer.kind for layer in layers if layer.binary_macs or layer.float_macs}


@pytest.mark.parametrize("share", ZEROS)
@pytest.mark.parametrize("seed", range(24))
def test_conv(seed: int, share: str, isa: str) -> None:
    """Every geometry, into floats or thresholds, and NaN on top of the zeros."""
    del isa
    random = np.random.default_rng(seed)
    shape, filters, attributes = random_conv(random)
    nodes, more = f"y = Conv<{attributes}>(s, w)", dict[str, Floats]()
    if seed % 2:
        tail, more = batch_norm(random, filters[0], float(np.prod(filters[1:])) ** 0.5)
        nodes = f"z = Conv<{attributes}>(s, w) {tail}"
    model = sign_model(shape, nodes, {"w": signs(random, filters), **more})
    x = with_zeros(random, shape, share)
    engine = assert_equal_answers(model, {"x": x})
    assert list(kernels(engine).values()) == ["W1A1"]
    x[-1].reshape(-1)[random.integers(x[-1].size)] = np.nan
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("share", ZEROS)
@pytest.mark.parametrize("seed", range(8))
def test_dense(seed: int, share: str, isa: str) -> None:
    """Rows of a matrix, and of an image whose pixels have tail bits inside the row."""
    del isa
    random = np.random.default_rng(seed)
    channels, outputs = int(random.integers(1, 90)), int(random.integers(1, 130))
    shape: tuple[int, ...] = (3, channels) if seed % 2 else (3, channels, 2, 3)
    features = int(np.prod(shape[1:]))
    flatten = "f = Identity(s)" if seed % 2 else "f = Flatten(s)"
    constants = {"w": signs(random, (outputs, features)), "b": signs(random, (outputs,))}
    model = sign_model(shape, f"{flatten} y = Gemm<transB=1>(f, w, b)", constants)
    x = with_zeros(random, shape, share)
    engine = assert_equal_answers(model, {"x": x})
    assert list(kernels(engine).values()) == ["W1A1"]
    x[1].reshape(-1)[0] = np.nan
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("share", ["none", "few", "many"])
@pytest.mark.parametrize("seed", range(12))
def test_network(seed: int, share: str, isa: str) -> None:
    """Two layers with BatchNorm and Sign between; NaN must come out where it does in ONNX."""
    del isa
    random = np.random.default_rng(seed)
    channels, hidden = int(random.integers(1, 70)), int(random.integers(1, 70))
    shape = (4, channels, 5, 6)
    constants = {
        "v": signs(random, (hidden, channels, 3, 3)),
        "w": signs(random, (9, hidden, 2, 2)),
        "scale": random.choice([-1.5, 0.5, 2.0], hidden).astype(np.float32),
        # Some channels give 0 for a sum that occurs, and so stay Sign.
        "shift": np.where(random.random(hidden) < 0.9, 0.3, 0).astype(np.float32),
        "mean": np.round(random.normal(size=hidden) * 3).astype(np.float32),
        "variance": random.uniform(0.5, 20, hidden).astype(np.float32),
    }
    nodes = """z = Conv<pads=[1, 1, 1, 1]>(s, v)
               n = BatchNormalization(z, scale, shift, mean, variance)
               t = Sign(n) y = Conv(t, w)"""
    model = sign_model(shape, nodes, constants)
    x = with_zeros(random, shape, share)
    engine = assert_equal_answers(model, {"x": x})
    assert list(kernels(engine).values()) == ["W1A1", "W1A1"]
    x[2, 0, 1, 1] = np.nan
    engine = assert_equal_answers(model, {"x": x})
    row = engine.predict(x[1:2])
    np.testing.assert_array_equal(engine.predict(x)[1:2], row)


def test_sums_that_are_never_zero_become_bits() -> None:
    """An odd sum of ±1 has a sign in one bit; next to padding, or when it is even, it has not."""
    w = np.ones((8, 3, 3, 3), np.float32)
    fused = "z = Conv(s, w) t = Sign(z) y = Conv(t, v)"
    v = {"v": np.ones((2, 8, 1, 1), np.float32)}
    odd = bnn_engine.load(binary_model((1, 3, 5, 5), fused, {"w": w, **v}))
    padded = fused.replace("Conv(s", "Conv<pads=[1, 1, 1, 1]>(s")
    zero = bnn_engine.load(binary_model((1, 3, 5, 5), padded, {"w": w, **v}))
    even = bnn_engine.load(binary_model((1, 3, 5, 5), fused, {"w": w[..., :2], **v}))
    own_steps = [
        any(layer.op == "Sign" for layer in engine.summary().layers) for engine in (odd, zero, even)
    ]
    assert own_steps == [False, True, True]


def test_packed_file_keeps_nan(tmp_path: pytest.TempPathFactory) -> None:
    """The saved graph has thresholds in the place of Sign, which must pass NaN on."""
    random = np.random.default_rng(3)
    constants = {"v": signs(random, (5, 7, 3, 3)), "w": signs(random, (4, 5, 1, 1))}
    nodes = "z = Conv(s, v) t = Sign(z) y = Conv(t, w)"
    model = sign_model((1, 7, 4, 4), nodes, constants)
    path = f"{tmp_path}/packed.onnx"
    bnn_engine.load(model).save(path)
    x = with_zeros(random, (3, 7, 4, 4), "few")
    x[1, 2, 3, 3] = np.nan
    wanted = assert_equal_answers(model, {"x": x}).predict(x)
    assert np.isnan(wanted).any()
    np.testing.assert_array_equal(bnn_engine.load(path).predict(x), wanted)


def test_readers_of_floats_and_of_bits(isa: str) -> None:
    """Sign is an output, is added to something, pooled, and multiplied."""
    del isa
    random = np.random.default_rng(5)
    text = """g (float[N, 6, 4, 4] x) => (float[] y, float[] s, float[] q) {
        s = Sign(x) a = Add(s, x) q = MaxPool<kernel_shape=[2, 2]>(s)
        z = Conv(s, w) u = Conv(q, w) b = Conv(a, w) n = Sign(u) y = Conv(n, v) }"""
    constants = {"w": signs(random, (6, 6, 2, 2)), "v": signs(random, (6, 6, 1, 1))}
    model = model_from_text(text, constants)
    assert_equal_answers(model, {"x": with_zeros(random, (3, 6, 4, 4), "few")})


@pytest.mark.parametrize("value", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(8))
def test_constant_padding(seed: int, value: float, isa: str) -> None:
    """Pixels of ±1 around packed images."""
    del isa
    random = np.random.default_rng(seed)
    channels = int(random.choice([1, 8, 63, 64, 65, 100]))
    pads = [0, 0, *(int(n) for n in random.integers(0, 3, 2)), 0, 0]
    pads += [int(n) for n in random.integers(0, 3, 2)]
    constants: dict[str, NDArray[np.float32]] = {
        "w": signs(random, (9, channels, 3, 3)),
        "value": np.asarray(np.float32(value)),
    }
    nodes = "p = Pad(s, pads, value) y = Conv(p, w)"
    model = binary_model((2, channels, 5, 4), nodes, constants)
    pads_tensor = onnx.numpy_helper.from_array(np.array(pads, np.int64), "pads")
    model.graph.initializer.append(pads_tensor)
    x = random.normal(size=(2, channels, 5, 4)).astype(np.float32)
    engine = assert_equal_answers(model, {"x": x})
    assert list(kernels(engine).values()) == ["W1A1"]


def test_transposed_bits_are_unpacked_once() -> None:
    """Straight to channels first; nothing is unpacked that nobody reads."""
    model = binary_model((1, 5, 4, 3), "y = Transpose<perm=[0, 2, 1, 3]>(s)", {})
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    engine = assert_equal_answers(model, {"x": x})
    assert engine._network.program is not None
    kernels_run = [kernel.split("/")[0] for _, _, kernel, _ in engine._network.program.steps()]
    assert kernels_run.count("unpack_planar_f32") == 1
    assert "unpack_f32" not in kernels_run
