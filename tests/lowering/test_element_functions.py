"""Element-wise ops: every function and type against NumPy, special values against ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

Array = NDArray[Any]

FLOATS: dict[str, Any] = {"float": np.float32, "double": np.float64, "float16": np.float16}
INTEGERS: dict[str, Any] = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
}
NUMBERS: dict[str, Any] = {**FLOATS, **INTEGERS}

ERROR: dict[Any, float] = {np.float32: 1e-6, np.float64: 1e-14, np.float16: 2.0**-11 + 1e-6}
"""Relative error of a function: one rounding of float16, which is computed as float32."""


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def gelu(x: Array) -> Array:
    return np.array([0.5 * v * math.erfc(-v / math.sqrt(2)) for v in x.flat]).reshape(x.shape)


SQRT_2_OVER_PI = math.sqrt(2 / math.pi)

FUNCTIONS: dict[str, tuple[Any, float, float]] = {
    # of float64 numbers, and the range they are drawn from
    "Abs": (np.abs, -9, 9),
    "Acos": (np.arccos, -1, 1),
    "Acosh": (np.arccosh, 1.1, 9),
    "Asin": (np.arcsin, -1, 1),
    "Asinh": (np.arcsinh, -9, 9),
    "Atan": (np.arctan, -9, 9),
    "Atanh": (np.arctanh, -0.9, 0.9),
    "Ceil": (np.ceil, -9, 9),
    "Celu<alpha=2.0>": (lambda x: np.where(x < 0, 2 * np.expm1(x / 2), x), -9, 9),
    "Cos": (np.cos, -1.5, 1.5),
    "Cosh": (np.cosh, -9, 9),
    "Elu<alpha=2.0>": (lambda x: np.where(x < 0, 2 * np.expm1(x), x), -9, 9),
    "Erf": (np.vectorize(math.erf), -4, 4),
    "Exp": (np.exp, -9, 9),
    "Floor": (np.floor, -9, 9),
    "Gelu": (gelu, -5, 9),
    'Gelu<approximate="tanh">': (
        lambda x: x * sigmoid(2 * SQRT_2_OVER_PI * (x + 0.044715 * x**3)),
        -2,
        9,
    ),
    "HardSigmoid<alpha=0.25,beta=0.5>": (lambda x: np.clip(0.25 * x + 0.5, 0, 1), -4, 4),
    "HardSwish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), -2.5, 6),
    "LeakyRelu<alpha=0.25>": (lambda x: np.where(x < 0, 0.25 * x, x), -9, 9),
    "Log": (np.log, 1.5, 9),
    "Mish": (lambda x: x * np.tanh(softplus(x)), -9, 9),
    "Neg": (np.negative, -9, 9),
    "Reciprocal": (np.reciprocal, 0.5, 9),
    "Relu": (lambda x: np.maximum(x, 0), -9, 9),
    "Round": (np.round, -9, 9),
    "Selu<alpha=2.0,gamma=3.0>": (lambda x: 3 * np.where(x < 0, 2 * np.expm1(x), x), -9, 9),
    "Shrink<lambd=1.5,bias=1.0>": (
        lambda x: np.where(x < -1.5, x + 1, np.where(x > 1.5, x - 1, 0)),
        -9,
        9,
    ),
    "Sigmoid": (sigmoid, -9, 9),
    "Sign": (np.sign, -9, 9),
    "Sin": (np.sin, -1.5, 1.5),
    "Sinh": (np.sinh, -9, 9),
    "Softplus": (softplus, -9, 9),
    "Softsign": (lambda x: x / (1 + np.abs(x)), -9, 9),
    "Sqrt": (np.sqrt, 0, 9),
    "Tan": (np.tan, -1.5, 1.5),
    "Tanh": (np.tanh, -9, 9),
    "ThresholdedRelu<alpha=2.0>": (lambda x: np.where(x > 2, x, 0), -9, 9),
}


def declared(kind: str, shape: Sequence[int | str], name: str) -> str:
    """An input in the syntax of ``onnx.parser``, which leaves the brackets of scalars away."""
    extents = ",".join(map(str, shape))
    return f"{kind}[{extents}] {name}" if shape else f"{kind} {name}"


def run_native(model: onnx.ModelProto, **feeds: Array) -> Array:
    """The one output of a model whose nodes must all run natively."""
    engine = bnn_engine.load(model, fallback="error")
    (result,) = engine.run(feeds).values()
    return np.asarray(result)


@pytest.mark.parametrize("call", FUNCTIONS)
@pytest.mark.parametrize("kind", FLOATS)
def test_functions_of_floats(call: str, kind: str) -> None:
    function, low, high = FUNCTIONS[call]
    dtype = FLOATS[kind]
    x = np.random.default_rng(0).uniform(low, high, (7, 101)).astype(dtype)
    model = model_from_text(f"g ({kind}[N,101] x) => ({kind}[N,101] y) {{ y = {call}(x) }}")
    got = run_native(model, x=x)
    assert got.dtype == dtype
    wanted = function(x.astype(np.float64))
    np.testing.assert_allclose(got.astype(np.float64), wanted, rtol=ERROR[dtype], atol=1e-7)


def test_swish() -> None:
    x = np.linspace(-9, 9, 64, dtype=np.float32)
    model = model_from_text(
        "g (float[64] x) => (float[64] y) { y = Swish<alpha=0.5>(x) }", opset=24
    )
    wanted = x.astype(np.float64) * sigmoid(0.5 * x.astype(np.float64))
    np.testing.assert_allclose(run_native(model, x=x), wanted, rtol=1e-6)


@pytest.mark.parametrize("call", FUNCTIONS)
def test_special_floats_as_onnx_runtime(call: str) -> None:
    inf, largest = np.inf, np.finfo(np.float32).max
    numbers = [0.0, -0.0, inf, -inf, np.nan, 0.5, -0.5, 1.5, -2.5, 1.0, -1.0, largest, -largest, 90]
    x = np.array(numbers, np.float32)
    if call.startswith(("Gelu<", "Mish", "HardSwish")):
        # inf·0 and inf − inf: what the formula gives depends on how it is written.
        x = x[np.abs(x) < 1e4]
    if call.startswith(("Elu", "Selu", "Celu", "Gelu", "Hard", "Softsign", "Threshold", "Shrink")):
        x = x[~np.isnan(x)]  # ONNX Runtime's answer depends on the vector lane
    if call.startswith(("Softsign", "Gelu")):
        x = x[np.isfinite(x)]
    model = model_from_text(f"g (float[N] x) => (float[N] y) {{ y = {call}(x) }}")
    got = run_native(model, x=x)
    wanted = ort.run(model, {"x": x})["y"]
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)


UNARY_OF_INTEGERS: dict[str, tuple[Any, str]] = {
    # and the letters that the types start with
    "Abs": (np.abs, "ui"),
    "Neg": (np.negative, "i"),
    "Relu": (lambda x: np.maximum(x, 0), "i"),
    "Sign": (np.sign, "ui"),
    "BitwiseNot": (np.bitwise_not, "ui"),
}


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        (op, kind)
        for op, (_, types) in UNARY_OF_INTEGERS.items()
        for kind in INTEGERS
        if kind[0] in types
    ],
)
def test_functions_of_integers(op: str, kind: str) -> None:
    limits = np.iinfo(INTEGERS[kind])
    numbers = [limits.min, limits.min + 1, 0, 1, 2, limits.max - 1, limits.max]
    x = np.array(numbers, INTEGERS[kind])
    model = model_from_text(f"g ({kind}[N] x) => ({kind}[N] y) {{ y = {op}(x) }}")
    np.testing.assert_array_equal(run_native(model, x=x), UNARY_OF_INTEGERS[op][0](x))


def drawn(dtype: Any, shape: tuple[int, ...], seed: int) -> Array:
    random = np.random.default_rng(seed)
    if dtype is np.bool_:
        return np.asarray(random.integers(0, 2, shape) > 0)
    if np.dtype(dtype).kind == "f":
        return np.asarray(random.normal(size=shape) * 4, dtype)
    limits = np.iinfo(dtype)
    wide = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    near = random.integers(0 if limits.min == 0 else -3, 4, shape).astype(dtype)
    return np.asarray(np.where(random.integers(0, 2, shape) > 0, wide, near), dtype)


def divided(x: Array, y: Array) -> Array:
    """Truncated; 0 where the divisor is 0."""
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    rows = zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    bits = 8 * x.dtype.itemsize
    wrapped = [_truncated(a, b) % 2**bits if b else 0 for a, b in rows]
    return np.array(wrapped, f"u{x.dtype.itemsize}").view(x.dtype).reshape(x.shape)


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def remainder(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, y: np.where(y == 0, 0, function(x, np.where(y == 0, 1, y))).astype(x.dtype)


BINARY: dict[str, tuple[Any, dict[str, Any]]] = {
    "Add": (np.add, NUMBERS),
    "Sub": (np.subtract, NUMBERS),
    "Mul": (np.multiply, NUMBERS),
    "Div": (divided, NUMBERS),
    "Max": (np.maximum, NUMBERS),
    "Min": (np.minimum, NUMBERS),
    "Mod": (remainder(np.mod), INTEGERS),
    "Mod<fmod=1>": (remainder(np.fmod), INTEGERS),
    "BitwiseAnd": (np.bitwise_and, INTEGERS),
    "BitwiseOr": (np.bitwise_or, INTEGERS),
    "BitwiseXor": (np.bitwise_xor, INTEGERS),
    "And": (np.logical_and, {"bool": np.bool_}),
    "Or": (np.logical_or, {"bool": np.bool_}),
    "Xor": (np.logical_xor, {"bool": np.bool_}),
    "Equal": (np.equal, {**NUMBERS, "bool": np.bool_}),
    "Less": (np.less, NUMBERS),
    "LessOrEqual": (np.less_equal, NUMBERS),
    "Greater": (np.greater, NUMBERS),
    "GreaterOrEqual": (np.greater_equal, NUMBERS),
}


@pytest.mark.parametrize(
    ("call", "kind"), [(call, kind) for call, (_, kinds) in BINARY.items() for kind in kinds]
)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_functions_of_two_tensors(call: str, kind: str) -> None:
    """Whole tensors, a row against a matrix, and either operand constant or a scalar."""
    function, kinds = BINARY[call]
    dtype = kinds[kind]
    result = (
        "bool" if function(drawn(dtype, (1,), 0), drawn(dtype, (1,), 1)).dtype == bool else kind
    )
    for seed, (first, second) in enumerate([((5, 300), (5, 300)), ((4, 1), (300,)), ((), (7, 3))]):
        a, b = drawn(dtype, first, seed), drawn(dtype, second, seed + 99)
        wanted = function(*(np.array(x) for x in np.broadcast_arrays(a, b)))
        feeds = {"a": a, "b": b}
        for constant in (None, "a", "b"):
            inputs = ", ".join(
                declared(kind, feeds[name].shape, name) for name in "ab" if name != constant
            )
            model = model_from_text(
                f"g ({inputs}) => ({result}[] y) {{ y = {call}(a, b) }}",
                {constant: feeds[constant]} if constant else {},
                opset=21 if "Mod" not in call else 13,
            )
            got = run_native(model, **{name: x for name, x in feeds.items() if name != constant})
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("kind", FLOATS)
def test_powers(kind: str) -> None:
    dtype = FLOATS[kind]
    x = np.abs(drawn(dtype, (6, 50), 0)) + dtype(0.5)
    y = (drawn(dtype, (50,), 1) / dtype(4)).astype(dtype)
    model = model_from_text(f"g ({kind}[N,50] x, {kind}[50] y) => ({kind}[] z) {{ z = Pow(x, y) }}")
    wanted = x.astype(np.float64) ** y.astype(np.float64)
    np.testing.assert_allclose(run_native(model, x=x, y=y), wanted, rtol=ERROR[dtype])


@pytest.mark.parametrize("base", ["float", "double", "int32", "int64"])
@pytest.mark.parametrize("exponent", ["float", "double", "int32", "int64"])
def test_powers_of_other_types(base: str, exponent: str) -> None:
    types = {**FLOATS, **INTEGERS}
    x = np.arange(1, 7).astype(types[base])
    y = np.array([0, 1, 2, 3, 2, 5]).astype(types[exponent])
    model = model_from_text(
        f"g ({base}[6] x, {exponent}[6] y) => ({base}[6] z) {{ z = Pow(x, y) }}"
    )
    assert_equal_answers(model, {"x": x, "y": y})


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts(kind: str, direction: str) -> None:
    dtype = INTEGERS[kind]
    bits = 8 * np.dtype(dtype).itemsize
    x = np.repeat(drawn(dtype, (9,), 5), bits + 2)
    y = np.tile(np.arange(bits + 2), 9).astype(dtype)
    fill = np.where(x < 0, -1, 0).astype(dtype)
    shift = np.left_shift if direction == "LEFT" else np.right_shift
    inside = shift(x, np.minimum(y, bits - 1).astype(dtype))
    wanted = np.where(y < bits, inside, 0 if direction == "LEFT" else fill)
    opset = 21 if kind[0] == "u" else 28
    call = f'BitShift<direction="{direction}">'
    model = model_from_text(
        f"g ({kind}[N] x, {kind}[N] y) => ({kind}[N] z) {{ z = {call}(x, y) }}", opset=opset
    )
    np.testing.assert_array_equal(run_native(model, x=x, y=y), wanted)


@pytest.mark.parametrize("op", ["Max", "Min", "Sum", "Mean"])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("kind", FLOATS)
def test_functions_of_any_number_of_tensors(op: str, count: int, kind: str) -> None:
    dtype = FLOATS[kind]
    shapes = [(3, 4, 5), (5,), (4, 1), (3, 1, 5), ()][:count]
    feeds = {f"x{i}": drawn(dtype, shape, i) for i, shape in enumerate(shapes)}
    if op in ("Max", "Min"):
        feeds["x0"][0, 0] = np.nan
    inputs = ", ".join(declared(kind, x.shape, name) for name, x in feeds.items())
    model = model_from_text(f"g ({inputs}) => ({kind}[] y) {{ y = {op}({', '.join(feeds)}) }}")
    wide = np.broadcast_arrays(*(x.astype(np.float64) for x in feeds.values()))
    reduce: dict[str, Any] = {
        "Max": np.maximum.reduce,
        "Min": np.minimum.reduce,
        "Sum": sum,
        "Mean": lambda arrays: sum(arrays) / count,
    }
    wanted = reduce[op](list(wide))
    got = run_native(model, **feeds)
    assert got.dtype == dtype
    rounding = np.finfo(dtype).eps if dtype != np.float16 else 2.0**-11
    scale = sum(np.abs(x) for x in wide)
    excess = np.abs(got.astype(np.float64) - wanted) - 1.01 * rounding * count * scale
    assert not (excess > 0).any()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("bounds", ["", "low", "low, high", ", high"])
def test_clip(kind: str, bounds: str) -> None:
    dtype = NUMBERS[kind]
    x = drawn(dtype, (4, 33), 3)
    low, high = (np.asarray(5 - 3 * (np.dtype(dtype).kind != "u"), dtype), np.asarray(100, dtype))
    wanted = np.array(x)
    if "low" in bounds:
        wanted = np.maximum(wanted, low)
    if "high" in bounds:
        wanted = np.minimum(wanted, high)
    call = f"y = Clip({', '.join(filter(None, ['x', bounds]))})"
    given = {name: v for name, v in (("low", low), ("high", high)) if name in bounds}
    constant = model_from_text(f"g ({kind}[N,33] x) => ({kind}[N,33] y) {{ {call} }}", given)
    np.testing.assert_array_equal(run_native(constant, x=x), wanted)
    inputs = "".join(f", {kind} {name}" for name in given)
    variable = model_from_text(f"g ({kind}[N,33] x{inputs}) => ({kind}[N,33] y) {{ {call} }}")
    np.testing.assert_array_equal(run_native(variable, x=x, **given), wanted)


def test_clip_of_special_floats() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1, -1], np.float32)
    for bounds in ("", "low", "low, high", ", high"):
        model = model_from_text(
            f"g (float[N] x, float low, float high) => (float[N] y) {{ y = Clip(x, {bounds}) }}"
            if bounds
            else "g (float[N] x, float low, float high) => (float[N] y) { y = Clip(x) }"
        )
        feeds = {"x": x, "low": np.asarray(np.float32(0)), "high": np.asarray(np.float32(4))}
        got = bnn_engine.load(model, fallback="error").run(feeds)["y"]
        np.testing.assert_array_equal(got, ort.run(model, feeds)["y"])


@pytest.mark.parametrize("kind", FLOATS)
def test_what_kind_of_number_it_is(kind: str) -> None:
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -2], FLOATS[kind])
    for call, wanted in (
        ("IsNaN", np.isnan(x)),
        ("IsInf", np.isinf(x)),
        ("IsInf<detect_negative=0>", x == np.inf),
        ("IsInf<detect_positive=0>", x == -np.inf),
    ):
        model = model_from_text(f"g ({kind}[N] x) => (bool[N] y) {{ y = {call}(x) }}")
        np.testing.assert_array_equal(run_native(model, x=x), wanted)


def test_logic() -> None:
    x = np.array([True, False])
    model = model_from_text("g (bool[N] x) => (bool[N] y) { y = Not(x) }")
    np.testing.assert_array_equal(run_native(model, x=x), ~x)


@pytest.mark.parametrize("kind", ["float", "double", "float16", "int32", "int64"])
def test_slopes(kind: str) -> None:
    dtype = NUMBERS[kind]
    x, slope = drawn(dtype, (3, 4, 5), 0), np.asarray(drawn(dtype, (4, 1), 1) // dtype(2), dtype)
    wanted = np.where(x < 0, x * slope, x)
    for constant in (False, True):
        inputs = f"{kind}[N,4,5] x" + ("" if constant else f", {kind}[4,1] slope")
        model = model_from_text(
            f"g ({inputs}) => ({kind}[N,4,5] y) {{ y = PRelu(x, slope) }}",
            {"slope": slope} if constant else {},
        )
        feeds = {"x": x} if constant else {"x": x, "slope": slope}
        np.testing.assert_array_equal(run_native(model, **feeds), wanted)


def test_bfloat16_rounds_once() -> None:
    kind = ml_dtypes.bfloat16
    random = np.random.default_rng(0)
    x, y = (random.normal(size=(3, 70)).astype(kind) for _ in range(2))
    model = model_from_text(
        """g (bfloat16[N,70] x, bfloat16[N,70] y) => (bfloat16[] p, bfloat16[] m, bool[] l) {
            p = Mul(x, y)
            m = Mean(x, y, p)
            l = Less(x, y)
        }"""
    )
    got = bnn_engine.load(model, fallback="error").run({"x": x, "y": y})
    wide, other = x.astype(np.float32), y.astype(np.float32)
    product = (wide * other).astype(kind)
    mean = ((wide + other + product.astype(np.float32)) / np.float32(3)).astype(kind)
    for name, wanted in (("p", product), ("m", mean)):
        np.testing.assert_array_equal(got[name].view(np.uint16), wanted.view(np.uint16))
    np.testing.assert_array_equal(got["l"], wide < other)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_broadcasting(data: st.DataObject) -> None:
    """Any shapes that fit, of known or free extents, up to 8 axes, none of them or empty ones."""
    kind, dtype = data.draw(
        st.sampled_from([("float", np.float32), ("int64", np.int64), ("uint8", np.uint8)])
    )
    drawn_shapes = data.draw(
        mutually_broadcastable_shapes(num_shapes=3, max_dims=8, min_side=0, max_side=4)
    )
    shapes = drawn_shapes.input_shapes
    arrays = {
        "c": drawn(np.bool_, shapes[0], 1),
        "x": drawn(dtype, shapes[1], 2),
        "y": drawn(dtype, shapes[2], 3),
    }
    free = data.draw(st.booleans())
    constants = data.draw(st.sets(st.sampled_from("cxy"), max_size=1))
    inputs = []
    for name, array in arrays.items():
        if name in constants:
            continue
        extents = [f"{name}{i}" if free else str(extent) for i, extent in enumerate(array.shape)]
        inputs.append(declared("bool" if name == "c" else kind, extents, name))
    model = model_from_text(
        f"""g ({", ".join(inputs)}) => ({kind}[] chosen, {kind}[] most, bool[] less) {{
            chosen = Where(c, x, y)
            most = Max(x, y)
            less = Less(x, y)
        }}""",
        {name: arrays[name] for name in constants},
    )
    feeds = {name: array for name, array in arrays.items() if name not in constants}
    got = bnn_engine.load(model, fallback="error").run(feeds)
    wanted = {
        "chosen": np.where(arrays["c"], arrays["x"], arrays["y"]),
        "most": np.maximum(arrays["x"], arrays["y"]),
        "less": np.less(arrays["x"], arrays["y"]),
    }
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        np.testing.assert_array_equal(got[name], array)


def test_shapes_that_do_not_fit_are_shape_errors() -> None:
    model = model_from_text("g (float[a] x, float[b] y) => (float[] z) { z = Add(x, y) }")
    engine = bnn_engine.load(model, fallback="error")
    x = np.zeros(3, np.float32)
    assert engine.run({"x": x, "y": x[:1]})["z"].shape == (3,)
    with pytest.raises(bnn_engine.ShapeError, match="broadcast"):
        engine.run({"x": x, "y": x[:2]})


OPERANDS = {
    "channels": (5, 1, 1),
    "channels of one image": (1, 5, 1, 1),
    "pixels": (1, 1, 6, 7),
    "rows of pixels": (7,),
    "image": (1, 5, 6, 7),
    "image without a batch": (5, 6, 7),
    "scalar": (),
}


@pytest.mark.parametrize("what", OPERANDS)
@pytest.mark.parametrize("constant", [True, False])
def test_images_meet_operands_of_other_shapes(what: str, constant: bool) -> None:
    """Behind a pool images lie channels last; the other operand has to be read along with them."""
    shape = OPERANDS[what]
    other = drawn(np.float32, shape, 1)
    inputs = "float[2,5,12,14] x"
    if not constant:
        inputs += ", " + declared("float", shape, "o")
    model = model_from_text(
        f"""g ({inputs}) => (float[] y, bool[] l, float[] w) {{
            p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)
            s = Sin(p)
            a = Sub(o, s)
            y = Tanh(a)
            l = Less(s, o)
            w = Where(l, a, p)
        }}""",
        {"o": other} if constant else {},
    )
    x = drawn(np.float32, (2, 5, 12, 14), 0)
    feeds = {"x": x} if constant else {"x": x, "o": other}
    got = bnn_engine.load(model, fallback="error").run(feeds)
    wanted = ort.run(model, feeds)
    np.testing.assert_array_equal(got["l"], wanted["l"])
    for name in ("y", "w"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-5, atol=1e-6)


def test_gates_over_the_channels_of_an_image() -> None:
    """Squeeze and excitation: [N, C, 1, 1] of the same batch times [N, C, H, W]."""
    model = model_from_text(
        """g (float[N,4,8,8] x) => (float[] y) {
            p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)
            m = GlobalAveragePool(p)
            s = HardSigmoid(m)
            g = Mul(p, s)
            y = Flatten(g)
        }"""
    )
    x = drawn(np.float32, (9, 4, 8, 8), 0)
    engine = bnn_engine.load(model, fallback="error")
    got = engine.predict(x)
    np.testing.assert_allclose(got, ort.run(model, {"x": x})["y"], rtol=1e-5, atol=1e-6)
    for row in range(9):
        np.testing.assert_array_equal(engine.predict(x[row : row + 1])[0], got[row])


def test_large_batches_with_constants_answer_row_by_row() -> None:
    """Constants have no rows: chunks of a batch read them whole."""
    table = drawn(np.float32, (1, 40), 1)
    model = model_from_text(
        """g (float[N,40] x) => (float[] y) {
            a = Atan(x)
            b = Max(a, table)
            y = Sub(table, b)
        }""",
        {"table": table},
    )
    engine = bnn_engine.load(model, fallback="error", num_threads=3)
    x = drawn(np.float32, (2000, 40), 0)
    got = engine.predict(x)
    np.testing.assert_array_equal(got[::97], [engine.predict(row[None])[0] for row in x[::97]])
    np.testing.assert_allclose(got, table - np.maximum(np.arctan(x), table), rtol=1e-6, atol=1e-6)
