"""Networks whose input is 8-bit integers or booleans, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine.lowering import LayerSummary
from tests.support.answers import assert_equal_answers
from tests.support.isas import record, supported
from tests.support.onnx_models import model_from_text, signs

DTYPES = ("uint8", "int8", "bool")


def draw(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Every value of ``dtype``, its ends included."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(shape) < 0.5
    limits = np.iinfo(dtype)
    array = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    array.flat[:2] = (limits.min, limits.max)[: array.size]
    return array


def is_one_program(engine: bnn_engine.Engine) -> bool:
    """Whether the core alone computes the answer."""
    return engine._network.program is not None


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("isa")
def test_cast_alone(dtype: str, batch: int) -> None:
    model = model_from_text(f"g ({dtype}[N, 3, 5] x) => (float[] y) {{ y = Cast<to=1>(x) }}")
    engine = assert_equal_answers(model, {"x": draw((batch, 3, 5), dtype)})
    assert is_one_program(engine)


@pytest.mark.parametrize(
    "nodes",
    [
        "f = Cast<to=1>(x) d = Div(f, k) m = Sub(d, mean) y = Mul(m, scale)",
        "f = Cast<to=1>(x) d = Div(f, k) m = Sub(d, mean) y = Div(m, spread)",
        "t = Transpose<perm=[0, 2, 3, 1]>(x) y = Cast<to=1>(t)",
        "t = Transpose<perm=[0, 2, 3, 1]>(x) r = Flatten(t) y = Cast<to=1>(r)",
        "f = Cast<to=1>(x) t = Transpose<perm=[0, 3, 1, 2]>(f) y = Mul(t, k)",
        "f = Cast<to=1>(x) y = MaxPool<kernel_shape=[2, 2]>(f)",
        "f = Cast<to=1>(x) g = Relu(f) y = Add(f, g)",
        "f = Cast<to=1>(x) y = Softmax<axis=1>(f)",
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_floats_from_bytes(dtype: str, nodes: str) -> None:
    random = np.random.default_rng(3)
    constants = {
        "k": np.asarray(np.float32(255)),
        "mean": random.random((3, 1, 1), np.float32),
        "scale": random.normal(size=(3, 1, 1)).astype(np.float32),
        "spread": (1 + random.random((3, 1, 1))).astype(np.float32),
    }
    model = model_from_text(f"g ({dtype}[N, 3, 4, 5] x) => (float[] y) {{ {nodes} }}", constants)
    x = draw((5, 3, 4, 5), dtype)
    engine = bnn_engine.load(model)
    assert is_one_program(engine)
    if "Softmax" in nodes:
        floats = model_from_text(
            "g (float[N, 3, 4, 5] x) => (float[] y) { y = Softmax<axis=1>(x) }"
        )
        wanted = bnn_engine.load(floats).predict(x.astype(np.float32))
        np.testing.assert_array_equal(engine.predict(x), wanted)
    else:
        assert_equal_answers(model, {"x": x})


def test_a_float_tensor_and_bytes_make_one_program() -> None:
    model = model_from_text(
        "g (uint8[N, 4] x, float[N, 4] z) => (float[] y) { f = Cast<to=1>(x) y = Add(f, z) }"
    )
    z = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    assert is_one_program(assert_equal_answers(model, {"x": draw((3, 4), "uint8"), "z": z}))


def test_bytes_between_python_steps_and_programs() -> None:
    model = model_from_text(
        """g (uint8[3, 4] x) => (float[] y) {
            a = ReverseSequence<batch_axis=0, time_axis=1>(x, lengths)
            f = Cast<to=1>(a)
            y = Relu(f)
        }""",
        {"lengths": np.array([4, 2, 3])},
    )
    engine = assert_equal_answers(model, {"x": draw((3, 4), "uint8")}, executor=None)
    assert [layer.executor for layer in engine.summary().layers] == ["python", "native", "native"]


def test_integers_that_are_an_output_stay_integers() -> None:
    model = model_from_text(
        "g (uint8[N, 4] x) => (uint8[] t, float[] y) { t = Transpose(x) y = Cast<to=1>(t) }"
    )
    assert_equal_answers(model, {"x": draw((3, 4), "uint8")}, executor=None)


def test_wider_integers_become_floats_before_anything_reads_them() -> None:
    model = model_from_text("g (int32[N, 4] x) => (float[] y) { y = Cast<to=1>(x) }")
    x = np.array([[1, -1, 2**30, -(2**30) + 1]], np.int32)
    assert_equal_answers(model, {"x": x})


# -- layers with 1-bit weights ---------------------------------------------------------------------

SCALARS = {
    "zero": np.asarray(np.float32(0)),
    "one": np.asarray(np.float32(1)),
    "minus": np.asarray(np.float32(-1)),
}
SIGN = "c = Greater(n, zero) y = Where(c, one, minus)"


def batch_norm(outputs: int, spread: float, seed: int) -> dict[str, NDArray[np.float32]]:
    """Parameters with negative and zero scales."""
    random = np.random.default_rng(seed)
    values = {
        "scale": random.choice([-1.5, -0.25, 0.0, 0.5, 2.0], outputs),
        "shift": np.where(random.random(outputs) < 0.5, 0, random.normal(size=outputs)),
        "mean": np.round(random.normal(size=outputs) * spread),
        "variance": random.uniform(0.5, 2, outputs) * spread**2,
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


NORM = "n = BatchNormalization(z, scale, shift, mean, variance)"


def layer_of(engine: bnn_engine.Engine) -> LayerSummary:
    """The one layer with weights."""
    (layer,) = (x for x in engine.summary().layers if x.float_macs or x.binary_macs)
    return layer


def check_w1a8(engine: bnn_engine.Engine, dtype: str, isa: str) -> None:
    """The layer reads the bytes, in the best kernel there is."""
    layer = layer_of(engine)
    kernel = "byte_gemm_i8" if dtype == "int8" else "byte_gemm_u8"
    assert (layer.kind, layer.kernel) == ("W1A8", f"{kernel}/{isa}")
    assert is_one_program(engine)
    record(engine)


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("tail", ["y = Identity(z)", f"{NORM} y = Relu(n)", f"{NORM} {SIGN}"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dense(isa: str, dtype: str, tail: str, batch: int) -> None:
    random = np.random.default_rng(batch)
    features, outputs = int(random.integers(1, 300)), int(random.integers(1, 90))
    constants = {
        **SCALARS,
        **batch_norm(outputs, 128 * features**0.5, batch),
        "w": signs(random, (features, outputs)),
    }
    model = model_from_text(
        f"g ({dtype}[N, {features}] x) => (float[] y) "
        f"{{ f = Cast<to=1>(x) z = MatMul(f, w) {tail} }}",
        constants,
    )
    x = draw((batch, features), dtype, batch)
    check_w1a8(assert_equal_answers(model, {"x": x}), dtype, isa)


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_on_images(isa: str, dtype: str, batch: int) -> None:
    random = np.random.default_rng(batch)
    constants = {"w": signs(random, (10, 3 * 5 * 7)), "b": random.normal(size=10).astype("f4")}
    model = model_from_text(
        f"g ({dtype}[N, 3, 5, 7] x) => (float[] y) "
        "{ f = Cast<to=1>(x) v = Flatten(f) y = Gemm<transB=1>(v, w, b) }",
        constants,
    )
    check_w1a8(assert_equal_answers(model, {"x": draw((batch, 3, 5, 7), dtype)}), dtype, isa)


@pytest.mark.parametrize("tail", ["y = Identity(z)", f"{NORM} y = Relu(n)", f"{NORM} {SIGN}"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", DTYPES)
def test_convolutions(isa: str, dtype: str, seed: int, tail: str) -> None:
    random = np.random.default_rng([seed, len(tail)])
    kernel, strides, dilations = random.integers(1, [8, 4, 3], (2, 3)).T
    pads = random.integers(0, 4, 4)
    channels = int(random.choice([1, 2, 3, 4, 5, 9]))
    outputs = int(random.choice([1, 16, 17, 32, 65]))
    span = (kernel - 1) * dilations + 1
    height, width = (int(n) for n in random.integers(span, span + 9))
    constants = {
        **SCALARS,
        **batch_norm(outputs, 128 * (channels * float(kernel.prod())) ** 0.5, seed),
        "w": signs(random, (outputs, channels, *kernel)),
    }
    attributes = ", ".join(
        f"{name} = {[int(n) for n in numbers]}"
        for name, numbers in (("strides", strides), ("dilations", dilations), ("pads", pads))
    )
    model = model_from_text(
        f"g ({dtype}[N, {channels}, {height}, {width}] x) => (float[] y) "
        f"{{ f = Cast<to=1>(x) z = Conv<{attributes}>(f, w) {tail} }}",
        constants,
    )
    x = draw((int(random.choice([1, 3])), channels, height, width), dtype, seed)
    check_w1a8(assert_equal_answers(model, {"x": x}), dtype, isa)


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("dtype", DTYPES)
def test_images_with_channels_last(isa: str, dtype: str, batch: int) -> None:
    """As cameras and image files have them: the graph transposes, the engine does not."""
    random = np.random.default_rng(batch)
    constants = {**SCALARS, **batch_norm(20, 600, batch), "w": signs(random, (20, 3, 3, 3))}
    model = model_from_text(
        f"g ({dtype}[N, 8, 9, 3] x) => (float[] y) {{ t = Transpose<perm=[0, 3, 1, 2]>(x) "
        f"f = Cast<to=1>(t) z = Conv<pads=[1, 1, 1, 1]>(f, w) {NORM} {SIGN} }}",
        constants,
    )
    check_w1a8(assert_equal_answers(model, {"x": draw((batch, 8, 9, 3), dtype)}), dtype, isa)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_on_images_with_channels_last(isa: str, dtype: str) -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        f"g ({dtype}[N, 4, 5, 3] x) => (float[] y) {{ f = Cast<to=1>(x) "
        "t = Transpose<perm=[0, 3, 1, 2]>(f) v = Flatten(t) y = MatMul(v, w) }",
        {"w": signs(random, (60, 7))},
    )
    check_w1a8(assert_equal_answers(model, {"x": draw((3, 4, 5, 3), dtype)}), dtype, isa)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("isa")
def test_a_network_from_bytes_to_classes(dtype: str) -> None:
    """Conv on bytes, BatchNorm, sign, pool, binary conv, flatten, binary dense."""
    random = np.random.default_rng(5)
    constants = {
        **SCALARS,
        **batch_norm(32, 400, 5),
        "w": signs(random, (32, 1, 3, 3)),
        "u": signs(random, (16, 32, 3, 3)),
        "v": signs(random, (10, 16 * 4 * 4)),
    }
    model = model_from_text(
        f"g ({dtype}[N, 12, 12] x) => (float[] y) {{ r = Reshape(x, s) f = Cast<to=1>(r) "
        f"z = Conv<pads=[1, 1, 1, 1]>(f, w) {NORM} {SIGN.replace('y =', 'b =')} "
        "p = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(b) q = Conv(p, u) "
        "e = Greater(q, zero) h = Where(e, one, minus) g2 = Flatten(h) y = Gemm<transB=1>(g2, v) }",
        {**constants, "s": np.array([-1, 1, 12, 12])},
    )
    for batch in (1, 3, 70):
        engine = assert_equal_answers(model, {"x": draw((batch, 12, 12), dtype, batch)})
    kinds = [layer.kind for layer in engine.summary().layers if layer.float_macs]
    assert kinds == ["W1A8"]
    assert is_one_program(engine)
    record(engine)


def test_sums_beyond_the_integers_of_float32_stay_floats() -> None:
    longest = ((1 << 24) - 1) // 255
    for features, kind in ((longest, "W1A8"), (longest + 1, "W1A32")):
        model = model_from_text(
            f"g (uint8[N, {features}] x) => (float[] y) {{ f = Cast<to=1>(x) y = MatMul(f, w) }}",
            {"w": np.ones((features, 1), np.float32)},
        )
        engine = bnn_engine.load(model)
        assert layer_of(engine).kind == kind
        y = engine.predict(np.full((1, features), 255, np.uint8))
        if kind == "W1A8":
            assert y == features * 255


def test_scaled_bytes_are_floats() -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        "g (uint8[N, 9] x) => (float[] y) { f = Cast<to=1>(x) d = Div(f, k) y = MatMul(d, w) }",
        {"k": np.asarray(np.float32(255)), "w": signs(random, (9, 4))},
    )
    assert layer_of(bnn_engine.load(model)).kind == "W1A32"


def test_bytes_read_as_integers_and_as_floats() -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        "g (uint8[N, 9] x) => (float[] y, float[] z) "
        "{ f = Cast<to=1>(x) y = MatMul(f, w) d = Softmax(f) z = Relu(f) }",
        {"w": signs(random, (9, 4))},
    )
    check_w1a8(assert_equal_answers(model, {"x": draw((5, 9), "uint8")}), "uint8", supported()[-1])


def test_packed_models_keep_reading_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        "g (uint8[N, 2, 4, 4] x) => (float[] y) { f = Cast<to=1>(x) y = Conv(f, w) }",
        {"w": signs(random, (9, 2, 3, 3))},
    )
    engine = bnn_engine.load(model)
    engine.save(tmp_path / "packed.onnx")
    packed = bnn_engine.load(tmp_path / "packed.onnx")
    assert layer_of(packed).kind == "W1A8"
    x = draw((3, 2, 4, 4), "uint8")
    np.testing.assert_array_equal(packed.predict(x), engine.predict(x))


@pytest.mark.parametrize("tail", ["y = PRelu(a, slope)", f"n = PRelu(a, slope) {SIGN}"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_residuals_behind_sums_of_bytes(isa: str, dtype: str, tail: str) -> None:
    random = np.random.default_rng(1)
    constants = {
        **SCALARS,
        **batch_norm(20, 300, 1),
        "w": signs(random, (20, 5, 3, 3)),
        "slope": random.normal(size=(20, 1, 1)).astype(np.float32),
    }
    model = model_from_text(
        f"g ({dtype}[N, 5, 8, 9] x, float[N, 20, 8, 9] r) => (float[] y) {{ f = Cast<to=1>(x) "
        f"z = Conv<pads=[1, 1, 1, 1]>(f, w) "
        f"{NORM.replace('n =', 'm =')} a = Add(m, r) {tail} }}",
        constants,
    )
    feeds = {
        "x": draw((3, 5, 8, 9), dtype),
        "r": random.normal(size=(3, 20, 8, 9)).astype(np.float32),
    }
    engine = assert_equal_answers(model, feeds)
    check_w1a8(engine, dtype, isa)
    assert any(entry.startswith("Add") for entry in layer_of(engine).fused)


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_beside_bytes(dtype: str, nan: bool) -> None:
    """The network in floats, which NaN needs, reads the same bytes."""
    random = np.random.default_rng(2)
    model = model_from_text(
        f"g ({dtype}[N, 9] x, float[N, 70] r) => (float[] y) {{ f = Cast<to=1>(x) s = Sign(r) "
        "a = MatMul(f, w) b = MatMul(s, u) y = Add(a, b) }",
        {"w": signs(random, (9, 4)), "u": signs(random, (70, 4))},
    )
    r = random.normal(size=(5, 70)).astype(np.float32)
    r[1, 2], r[3, 4] = 0, np.nan if nan else 1
    engine = assert_equal_answers(model, {"x": draw((5, 9), dtype), "r": r})
    kinds = sorted(layer.kind for layer in engine.summary().layers if layer.kind != "float")
    assert kinds == ["W1A1", "W1A8"]


# -- packing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [0, 1, 3, 70])
@pytest.mark.parametrize("compare", ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_are_packed(isa: str, dtype: str, compare: str, batch: int) -> None:
    """±1 by a threshold per channel, among them some that all or no integers reach."""
    random = np.random.default_rng(batch)
    features = int(random.integers(12, 200))
    thresholds = random.integers(-140, 280, features) + random.choice([0, 0.5], features)
    limits = np.iinfo("uint8" if dtype == "bool" else dtype)
    ends = [limits.min, limits.max, -1e9, 1e9, np.inf, -np.inf, np.nan, -0.0]
    thresholds[: len(ends)] = ends
    model = model_from_text(
        f"g ({dtype}[N, {features}] x) => (float[] y) {{ f = Cast<to=1>(x) "
        f"c = {compare}(f, t) b = Where(c, one, minus) y = MatMul(b, w) }}",
        {**SCALARS, "t": thresholds.astype(np.float32), "w": signs(random, (features, 9))},
    )
    x = draw((batch, features), dtype, batch)
    engine = assert_equal_answers(model, {"x": x})
    assert layer_of(engine).kind == "W1A1"
    packing = next(x.kernel for x in engine.summary().layers if x.op == "Binarize")
    used = "avx512bw" if isa == "avx512_vpopcntdq" else isa
    assert packing == f"binarize_{'i8' if dtype == 'int8' else 'u8'}/{used}"


@pytest.mark.parametrize("channels", [1, 3, 64, 65])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("isa")
def test_images_of_bytes_are_packed(dtype: str, last: bool, channels: int) -> None:
    """After a scaling that the thresholds absorb, one for all channels."""
    random = np.random.default_rng(channels)
    shape = f"N, 6, 5, {channels}" if last else f"N, {channels}, 6, 5"
    first = "f = Cast<to=1>(x)"
    if last:
        first = "p = Transpose<perm=[0, 3, 1, 2]>(x) f = Cast<to=1>(p)"
    model = model_from_text(
        f"g ({dtype}[{shape}] x) => (float[] y) {{ {first} "
        "d = Div(f, k) c = Greater(d, t) b = Where(c, one, minus) y = Conv(b, w) }",
        {
            **SCALARS,
            "k": np.asarray(np.float32(255)),
            "t": np.asarray(np.float32(0.4 if dtype == "uint8" else 0)),
            "w": signs(random, (10, channels, 3, 3)),
        },
    )
    x = draw((3, 6, 5, channels) if last else (3, channels, 6, 5), dtype)
    engine = assert_equal_answers(model, {"x": x})
    kernels = [x.kernel for x in engine.summary().layers if x.op == "Binarize"]
    assert [kernel.partition("/")[0] for kernel in kernels] == [
        f"binarize_{'i8' if dtype == 'int8' else 'u8'}"
    ]


@pytest.mark.parametrize("dtype", DTYPES)
def test_ternary_signs_of_bytes(dtype: str) -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        f"g ({dtype}[N, 3, 6, 5] x) => (float[] y) "
        "{ f = Cast<to=1>(x) s = Sign(f) y = Conv<pads=[1, 1, 1, 1]>(s, w) }",
        {"w": signs(random, (10, 3, 3, 3))},
    )
    x = draw((3, 3, 6, 5), dtype) * (random.random((3, 3, 6, 5)) < 0.7)
    engine = assert_equal_answers(model, {"x": x.astype(dtype)})
    assert layer_of(engine).kind == "W1A1"


@pytest.mark.parametrize("dtype", DTYPES)
def test_packed_bytes_are_padded(dtype: str) -> None:
    random = np.random.default_rng(0)
    model = model_from_text(
        f"g ({dtype}[N, 3, 6, 5] x) => (float[] y) {{ f = Cast<to=1>(x) c = Greater(f, zero) "
        "b = Where(c, one, minus) p = Pad(b, frame, minus) y = Conv(p, w) }",
        {
            **SCALARS,
            "frame": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
            "w": signs(random, (10, 3, 3, 3)),
        },
    )
    engine = assert_equal_answers(model, {"x": draw((3, 3, 6, 5), dtype)})
    assert layer_of(engine).kind == "W1A1"
    assert is_one_program(engine)
