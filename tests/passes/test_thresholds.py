"""Absorbed bounds decide exactly as the arithmetic they replace, for every float32 input."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bnn_engine.graph import Graph
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.int_quant import IntQuants
from bnn_engine.passes.quantize_node import quantize_node
from bnn_engine.passes.thresholds import AbsorbIntoThresholds, Step, pull_back
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
)

Floats = NDArray[np.float32]
INF = np.float32(np.inf)
MAX = np.finfo(np.float32).max

any_float = st.floats(width=32, allow_nan=False)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def neighbours(points: Floats, reach: int = 3) -> Floats:
    """The float32 numbers around ``points``."""
    found = [points]
    with np.errstate(all="ignore"):
        for direction in (INF, -INF):
            moved = points
            for _ in range(reach):
                moved = np.nextafter(moved, direction)
                found.append(moved)
    return np.concatenate(found)


EXTREMES = neighbours(
    np.array([0, 1e-45, 1.2e-38, 1, MAX, INF, -1e-45, -1.2e-38, -1, -MAX, -INF], np.float32)
)


def check_exact(step: Step, lower: Floats, upper: Floats) -> None:
    """The interval is exact at its own ends, their neighbours and all extremes."""
    low, high = pull_back(step, lower, upper)
    assert low.dtype == high.dtype == np.float32
    probes = np.concatenate([neighbours(low), neighbours(high), EXTREMES])
    for x in probes[~np.isnan(probes)]:
        with np.errstate(all="ignore"):
            image = step.function(np.full(low.shape, x))
        expected = (lower <= image) & (image <= upper)
        np.testing.assert_array_equal((low <= x) & (x <= high), expected, err_msg=f"{x!r}")


def _step(kind: str, c: np.float32) -> Step:
    constant = np.array([c])
    yes, no = np.array([True]), np.array([False])
    return {
        "add": lambda: Step(lambda v: v + constant, yes),
        "mul": lambda: Step(lambda v: v * constant, constant >= 0),
        "div": lambda: Step(lambda v: v / constant, constant > 0),
        "relu": lambda: Step(lambda v: np.maximum(v, np.float32(0)), yes),
        "neg": lambda: Step(np.negative, no),
        "clip": lambda: Step(lambda v: np.minimum(np.maximum(v, -abs(c)), abs(c)), yes),
    }[kind]()


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["add", "mul", "relu", "neg", "clip"]),
    c=finite,
    ends=st.tuples(any_float, any_float),
)
def test_single_steps(kind: str, c: float, ends: tuple[float, float]) -> None:
    low, high = (np.array([end], np.float32) for end in ends)
    check_exact(_step(kind, np.float32(c)), low, high)


@settings(max_examples=100, deadline=None)
@given(c=finite.filter(lambda c: c != 0), ends=st.tuples(any_float, any_float))
def test_division(c: float, ends: tuple[float, float]) -> None:
    low, high = (np.array([end], np.float32) for end in ends)
    check_exact(_step("div", np.float32(c)), low, high)


@pytest.mark.parametrize("c", [0, -0.0, 1e-45, -1e-45, 1e-38, MAX, -MAX, 1, -1])
@pytest.mark.parametrize("kind", ["add", "mul"])
def test_extreme_constants(kind: str, c: float) -> None:
    for low, high in itertools.product(EXTREMES, (INF, np.float32(0), np.float32(1))):
        if not np.isnan(low):
            check_exact(_step(kind, np.float32(c)), np.array([low]), np.array([high]))


def test_the_empty_interval_stays_empty() -> None:
    for kind in ("add", "mul", "relu", "neg"):
        low, high = pull_back(_step(kind, np.float32(-2)), np.array([INF]), np.array([-INF]))
        assert (low.item(), high.item()) == (float("inf"), float("-inf"))


def test_a_factor_of_zero_excludes_the_infinities() -> None:
    low, high = pull_back(_step("mul", np.float32(0)), np.array([-INF]), np.array([INF]))
    assert (low.item(), high.item()) == (float(-MAX), float(MAX))


# -- the pass on graphs ----------------------------------------------------------------------

NUM_CHANNELS = 60
CONSTANTS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "one": np.ones((), np.float32),
    "minus": -np.ones((), np.float32),
    "half": np.full((), 0.5, np.float32),
    "six": np.full((), 6, np.float32),
}


def parameters(seed: int) -> dict[str, Array]:
    """BatchNormalization and other per-channel constants, special values among them."""
    rng = np.random.default_rng(seed)
    special = np.array([0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1e30, -1e30], np.float32)
    scale = rng.normal(0, 1, NUM_CHANNELS).astype(np.float32)
    scale[:8] = special
    offset = rng.normal(0, 2, NUM_CHANNELS).astype(np.float32)
    offset[4:12] = special
    offset[12:20] = 0
    mean = rng.integers(-40, 40, NUM_CHANNELS).astype(np.float32)
    var = rng.uniform(0.01, 900, NUM_CHANNELS).astype(np.float32)
    var[20:24] = [0, 1e-45, 1e-10, 1e30]
    factor = rng.normal(0, 3, NUM_CHANNELS).astype(np.float32)
    factor[factor == 0] = 1
    bias = rng.integers(-9, 9, NUM_CHANNELS).astype(np.float32)
    slope = rng.uniform(0.01, 3, NUM_CHANNELS).astype(np.float32)
    return {
        "slope": slope,
        "s": scale,
        "o": offset,
        "m": mean,
        "v": var,
        "f": factor,
        "b": bias,
        **CONSTANTS,
    }


SIGN = "p = Greater(z, zero)  y = Where(p, one, minus)"
CHAINS = [
    ("z = BatchNormalization(x, s, o, m, v)", 1),
    ("a = Add(x, b)  z = BatchNormalization(a, s, o, m, v)", 1),
    ("a = Mul(x, f)  c = Add(a, b)  z = BatchNormalization(c, s, o, m, v)", 1),
    ("a = BatchNormalization(x, s, o, m, v)  z = Clip(a, minus, six)", 1),
    ("a = Sub(b, x)  c = Div(a, f)  z = Sub(c, half)", 1),
    ("a = Relu(x)  c = Mul(f, a)  z = Add(b, c)", 1),
    ("a = Neg(x)  z = Add(a, half)", 1),
    ("a = Mul(x, f)  c = Mul(a, f)  d = Mul(c, s)  z = Add(d, o)", 1),
    ("a = Mul(x, f)  c = Round(a)  d = Add(c, b)  z = Floor(d)", 1),
    ("a = Div(x, f)  c = Ceil(a)  z = Max(b, c)", 1),
    ("a = Min(x, b)  c = Max(a, half)  z = Sub(c, half)", 1),
    ("a = BatchNormalization(x, s, o, m, v)  c = PRelu(a, slope)  z = Add(c, b)", 1),
    ("a = LeakyRelu<alpha = 0.1>(x)  z = Add(a, b)", 1),
    ("a = HardSigmoid<alpha = 0.3>(x)  z = Sub(a, half)", 1),
    ("a = Clip(x, minus)  z = Sub(a, f)", 1),
]


def build(body: str, seed: int, shape: str = "N, 60") -> tuple[str, dict[str, Array], Graph]:
    text = f"g (float[{shape}] x) => (float[{shape}] y) {{ {body}  {SIGN} }}"
    constants = parameters(seed)
    graph = graph_from_text(text, constants)
    run_passes(graph, [RecogniseActivations(), AbsorbIntoThresholds()])
    return text, constants, graph


@pytest.mark.parametrize(("body", "count"), CHAINS)
@pytest.mark.parametrize("seed", range(2))
def test_integers_against_onnxruntime(body: str, count: int, seed: int) -> None:
    text, constants, graph = build(body, seed)
    assert op_types(graph) == ["Binarize"] * count
    x = np.repeat(np.arange(-2000, 2001, dtype=np.float32)[:, None], NUM_CHANNELS, axis=1)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


@pytest.mark.parametrize(("body", "count"), CHAINS)
def test_reals_at_the_bounds_against_onnxruntime(body: str, count: int) -> None:
    text, constants, graph = build(body, 5)
    assert op_types(graph) == ["Binarize"] * count
    bounds = [value.const for value in graph.nodes[0].inputs[1:] if value is not None]
    rows = [row for b in bounds if b is not None for row in _around(b)]
    special = np.array([np.nan, INF, -INF, 0, -0.0, 1e-45, MAX, -MAX], np.float32)
    rows += [np.full(NUM_CHANNELS, value, np.float32) for value in special]
    rng = np.random.default_rng(0)
    rows += list(rng.integers(0, 2**32, (500, NUM_CHANNELS), np.uint32).view(np.float32))
    x = np.stack(rows)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def _around(bounds: Array) -> list[Floats]:
    points = np.broadcast_to(bounds.reshape(-1), NUM_CHANNELS)
    return [points, *neighbours(points[None], 2)]


NUMBERS = (("bits", 3), ("n", 0), ("u", 1))
LEVELS = """y = qonnx.custom_op.general.IntQuant<signed = {signed}, narrow = 0>(z, u, n, bits)"""


@pytest.mark.parametrize(("body", "count"), CHAINS)
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_levels_of_quantize(body: str, count: int, bits: int) -> None:
    """Every level of a Quantize is pulled back as the one of a Binarize is."""
    del count
    levels = LEVELS.format(signed=int(bits != 1))
    text = f"g (float[N, 60] x) => (float[N, 60] y) {{ {body}  {levels} }}"
    constants = {**parameters(bits), "u": np.full(1, 7, np.float32)}
    constants.update(n=np.zeros(1, np.float32), bits=np.full(1, bits, np.float32))
    graph = graph_from_text(text, constants)
    integers = np.repeat(np.arange(-300, 301, dtype=np.float32)[:, None], NUM_CHANNELS, axis=1)
    random = np.random.default_rng(bits)
    reals = random.integers(0, 2**32, (300, NUM_CHANNELS), np.uint32).view(np.float32)
    x = np.concatenate([integers, reals])
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [IntQuants(), AbsorbIntoThresholds()])
    assert op_types(graph)[-2:] == ["Quantize", "Mul"]
    assert "Div" not in op_types(graph)
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def test_rounding_before_levels() -> None:
    text = """g (float[N, 60] x) => (float[N, 60] y) {
        a = Mul(x, f)  c = Round(a)  d = Div(c, four)  e = Ceil(d)  z = Floor(e)
        y = qonnx.custom_op.general.IntQuant<signed = 1, narrow = 0>(z, u, n, bits)
    }"""
    constants = {"f": parameters(0)["f"], "four": np.full(1, 4, np.float32)}
    constants.update({name: np.full(1, number, np.float32) for name, number in NUMBERS})
    graph = graph_from_text(text, constants)
    x = np.repeat(np.arange(-300, 301, dtype=np.float32)[:, None], NUM_CHANNELS, axis=1)
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [IntQuants(), AbsorbIntoThresholds()])
    assert op_types(graph) == ["Quantize"]
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


@pytest.mark.parametrize("finite_sums", [True, False])
def test_factors_of_zero_where_nan_passes(finite_sums: bool) -> None:
    """inf · 0 is NaN, which levels would hide; sums of a binary layer are never infinite."""
    signs = "b = qonnx.custom_op.general.BipolarQuant(x, u)  " if finite_sums else ""
    text = f"""g (float[N, 3] x) => (float[N, 3] y) {{
        {signs}  a = MatMul({"b" if finite_sums else "x"}, w)  z = Mul(a, zeros)
        y = qonnx.custom_op.general.IntQuant<signed = 1, narrow = 0>(z, u, n, bits)
    }}"""
    constants = {name: np.full(1, number, np.float32) for name, number in NUMBERS}
    constants["zeros"] = np.array([0, 1, -0.5], np.float32)
    constants["w"] = np.array([[1, 1, -1], [1, -1, 1], [1, 1, 1]], np.float32)
    graph = graph_from_text(text, constants)
    run_passes(graph)
    kept = ["Binarize", "BinaryGemm"] if finite_sums else ["BinaryWeightGemm", "Mul"]
    assert op_types(graph) == [*kept, "Quantize"]


@pytest.mark.parametrize("kind", ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_every_comparison(kind: str) -> None:
    text = f"""g (float[N, 60] x) => (float[N, 60] y) {{
        z = BatchNormalization(x, s, o, m, v)  p = {kind}(z, zero)  y = Where(p, minus, one)
    }}"""
    constants = parameters(3)
    graph = graph_from_text(text, constants)
    run_passes(graph, [RecogniseActivations(), AbsorbIntoThresholds()])
    x = np.repeat(np.arange(-500, 501, dtype=np.float32)[:, None], NUM_CHANNELS, axis=1)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def test_bounds_of_images_lie_along_channels() -> None:
    _, _, graph = build("z = BatchNormalization(x, s, o, m, v)", 0, "N, 60, 3, 3")
    assert [v.shape for v in graph.nodes[0].inputs[1:] if v is not None] == [(60, 1, 1)] * 2


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("z = Div(half, x)", ["Div"]),
        ("z = Div(x, zero)", ["Div"]),
        ("z = Mul(x, x)", ["Mul"]),
        ("z = Sigmoid(x)", ["Sigmoid"]),
        ("z = Add(x, inf)", ["Add"]),
        ("z = BatchNormalization(x, inf, o, m, v)", ["BatchNormalization"]),
        ("z = BatchNormalization(x, s, o, m, nv)", ["BatchNormalization"]),
        ("z = Clip(x, nan, six)", ["Clip"]),
        ("z = Max(x, nan)", ["Max"]),
        ("z = PRelu(x, b)", ["PRelu"]),
        ("z = PRelu(x, flat)", ["PRelu"]),
        ("z = LeakyRelu<alpha = -0.5>(x)", ["LeakyRelu"]),
        ("z = Min(x, b, half)", ["Min"]),
        ("a = Sigmoid(x)  z = Add(a, b)", ["Sigmoid"]),
    ],
)
def test_kept(body: str, kept: list[str]) -> None:
    constants = {
        **parameters(0),
        "inf": np.where(np.arange(NUM_CHANNELS) == 0, INF, np.float32(1)),
        "nv": np.full(NUM_CHANNELS, -1, np.float32),
        "nan": np.full((), np.nan, np.float32),
        "flat": np.arange(NUM_CHANNELS, dtype=np.float32),
    }
    graph = graph_from_text(
        f"g (float[N, 60] x) => (float[N, 60] y) {{ {body}  {SIGN} }}", constants
    )
    run_passes(graph, [RecogniseActivations(), AbsorbIntoThresholds()])
    assert op_types(graph) == [*kept, "Binarize"]


@pytest.mark.parametrize(
    "outputs_and_more", [("float[N, 60] y, float[N, 60] z", ""), ("float[N, 60] y, float q", "q")]
)
def test_values_with_other_readers_stay(outputs_and_more: tuple[str, str]) -> None:
    outputs, more = outputs_and_more
    extra = f"{more} = ReduceSum<keepdims = 0>(z)" if more else ""
    graph = graph_from_text(
        f"g (float[N, 60] x) => ({outputs}) {{ z = Add(x, b)  {SIGN}  {extra} }}", parameters(0)
    )
    run_passes(graph, [RecogniseActivations(), AbsorbIntoThresholds()])
    assert op_types(graph)[:2] == ["Add", "Binarize"]


def test_constants_that_are_not_per_channel_stay() -> None:
    graph = graph_from_text(
        f"g (float[N, 60, 2] x) => (float[N, 60, 2] y) {{ z = Add(x, w)  {SIGN} }}",
        {**CONSTANTS, "w": np.ones((60, 2), np.float32)},
    )
    run_passes(graph, [RecogniseActivations(), AbsorbIntoThresholds()])
    assert op_types(graph) == ["Add", "Binarize"]


@pytest.mark.parametrize(
    "chain",
    [
        "v = Mul(x, scale)  u = Add(v, shift)",
        "v = BatchNormalization(x, gamma, beta, mean, var)  u = Relu(v)",
        "v = Sub(shift, x)  w = Clip(v, low, high)  u = Mul(w, third)",
    ],
)
@pytest.mark.parametrize("per_channel", [True, False])
def test_every_level_of_quantize(chain: str, per_channel: bool) -> None:
    rng = np.random.default_rng(9)
    constants: dict[str, Array] = {
        "scale": np.array([1.5, -0.3, 0, 7e-3], np.float32).reshape(4, 1, 1),
        "shift": np.array([0.1, -2, 3, 0.7], np.float32).reshape(4, 1, 1),
        "gamma": np.array([1.5, -0.3, 0, 0.2], np.float32),
        "beta": np.array([0.1, -2, 1, 0.7], np.float32),
        "mean": np.array([3, 0, 1, -2], np.float32),
        "var": np.array([2, 0.5, 1, 9], np.float32),
        "low": np.array(-3, np.float32),
        "high": np.array(5, np.float32),
        "third": np.array(1 / 3, np.float32),
    }
    text = f"g (float[N, 4, 3, 50] x) => (float[N, 4, 3, 50] y) {{ {chain}  y = Neg(u) }}"
    graph = graph_from_text(text, constants)
    last = graph.nodes[-1]
    (source,) = last.reads()
    lower = np.array([[-0.5], [0.5], [1.5]], np.float32)
    upper = np.array([[np.inf], [9], [8]], np.float32)
    if per_channel:
        lower = lower + np.array([0, 0.25, -1, 2], np.float32)
        upper = upper + np.zeros(4, np.float32)
    values = [0.0, 1 / 3, 2 / 3, 1.0]
    node = quantize_node(graph, source, lower, upper, values, last.outputs, "q")
    graph.replace_node(last, [node])
    x = np.round(rng.normal(size=(3, 4, 3, 50)) * 8).astype(np.float32) / 2
    x[0, :, 0, :5] = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, [AbsorbIntoThresholds()])
    assert op_types(graph) == ["Quantize"]
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)
    assert len(np.unique(expected)) == 4
