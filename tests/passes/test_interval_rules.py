"""Every rule encloses what ONNX Runtime computes, and is exact for operands of one number."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.passes.interval_rules import DISCONTINUOUS, ELEMENTWISE, apply_rule
from bnn_engine.passes.intervals import Interval, point
from tests.support.float_grid import grid
from tests.support.onnx_models import Array, graph_from_text, model_from_text, run_onnxruntime

# op: (types of its operands, text, type of the result)
OPS: dict[str, tuple[str, str, str]] = {
    **{op: ("f", f"y = {op}(a)", "float") for op in ("Abs", "Ceil", "Erf", "Floor", "Identity")},
    **{op: ("f", f"y = {op}(a)", "float") for op in ("Neg", "Relu", "Round", "Sign", "Tanh")},
    **{op: ("f", f"y = {op}(a)", "float") for op in ("Atan", "Sigmoid")},
    **{op: ("ff", f"y = {op}(a, b)", "float") for op in ("Add", "Sub", "Mul", "Div", "Min", "Max")},
    **{op: ("ff", f"y = {op}(a, b)", "bool") for op in ("Less", "LessOrEqual", "Greater")},
    **{op: ("ff", f"y = {op}(a, b)", "bool") for op in ("GreaterOrEqual", "Equal")},
    **{op: ("bb", f"y = {op}(a, b)", "bool") for op in ("And", "Or", "Xor")},
    "Not": ("b", "y = Not(a)", "bool"),
    "IsNaN": ("f", "y = IsNaN(a)", "bool"),
    "Where": ("bff", "y = Where(a, b, c)", "float"),
    "HardSigmoid": ("f", "y = HardSigmoid<alpha = 0.16>(a)", "float"),
    "LeakyRelu": ("f", "y = LeakyRelu<alpha = 0.1>(a)", "float"),
    "PRelu": ("fp", "y = PRelu(a, b)", "float"),
    "Pow": ("ft", "y = Pow(a, b)", "float"),
    "Clip": ("fss", "y = Clip(a, b, c)", "float"),
    "Cast": ("f", "y = Cast<to = 6>(a)", "int32"),
}
MORE = {
    "Cast to bool": ("f", "y = Cast<to = 9>(a)", "bool"),
    "Cast to double": ("f", "y = Cast<to = 11>(a)", "double"),
    "Cast of bool": ("b", "y = Cast<to = 1>(a)", "float"),
    "Cast to a byte": ("f", "y = Cast<to = 3>(a)", "int8"),
    "Clip from below": ("fs", "y = Clip(a, b)", "float"),
    "Clip from above": ("fs", "y = Clip(a, , b)", "float"),
    "square": ("f", "y = Mul(a, a)", "float"),
    "LeakyRelu of 0": ("f", "y = LeakyRelu<alpha = 0.0>(a)", "float"),
    "falling LeakyRelu": ("f", "y = LeakyRelu<alpha = -0.5>(a)", "float"),
    "integers": ("ii", "y = Mul(a, b)", "int32"),
    "doubles": ("dd", "y = Sub(a, b)", "double"),
}
ONNX_TYPES = {"b": "bool", "i": "int32", "d": "double"}
COUNT = 3000

_SLOPES = np.array([0, 0.25, 1, -1], np.float32)
_EXPONENTS = np.array([2, 2, 3, 0.5], np.float32)
_LIMITS = np.array([-1, 0, 0.5, 2], np.float32)


def test_every_op_is_tested() -> None:
    assert set(OPS) == ELEMENTWISE
    assert DISCONTINUOUS < ELEMENTWISE


def _bounds(kind: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Lower and upper ends, many of them equal."""
    if kind == "b":
        ends = rng.random((2, COUNT)) < 0.5
        return ends.min(axis=0), ends.max(axis=0)
    if kind == "i":
        numbers: Array = np.concatenate([np.arange(-9, 10), [2**15, -(2**15), 2**30]])
        ends = rng.choice(numbers[numbers != 0], (2, COUNT)).astype(np.int32)
    elif kind == "p":
        ends = np.repeat(rng.choice(_SLOPES, (1, COUNT)), 2, axis=0)
    elif kind == "t":
        ends = np.repeat(rng.choice(_EXPONENTS, (1, COUNT)), 2, axis=0)
    elif kind == "s":  # one number for all
        ends = np.repeat(rng.choice(_LIMITS, (1, 1)), 2, axis=0)
    else:
        numbers = grid()
        ends = rng.choice(numbers[~np.isnan(numbers)], (2, COUNT))
    points = rng.random(ends.shape[1]) < 0.3
    low, high = ends.min(axis=0), np.where(points, ends.min(axis=0), ends.max(axis=0))
    if kind == "f":  # NaN is an interval of one number
        nan = rng.random(COUNT) < 0.05
        low, high = np.where(nan, np.float32(np.nan), low), np.where(nan, np.float32(np.nan), high)
    return (low.astype(np.float64), high.astype(np.float64)) if kind == "d" else (low, high)


def _inside(low: Array, high: Array, rng: np.random.Generator) -> Array:
    """A number of every interval, often an end."""
    kind = rng.integers(0, 4, low.shape)
    with np.errstate(all="ignore"):
        middle = (low.astype(np.float64) * 0.5 + high.astype(np.float64) * 0.5).astype(low.dtype)
        near = low if low.dtype.kind != "f" else np.nextafter(low, high)
    zero = np.where((low <= 0) & (high >= 0), np.zeros_like(low), low)
    inner = np.where(kind == 0, middle, np.where(kind == 1, near, zero))
    inside = np.where((inner >= low) & (inner <= high), inner, high)
    return np.where(kind == 3, low, inside).astype(low.dtype)


@pytest.mark.parametrize("name", [*OPS, *MORE])
def test_encloses_results(name: str) -> None:
    kinds, body, result = {**OPS, **MORE}[name]
    inputs = ", ".join(
        f"{ONNX_TYPES.get(kind, 'float')}[{'1' if kind == 's' else 'N'}] {operand}"
        for kind, operand in zip(kinds, "abc", strict=False)
    )
    if "s" in kinds:
        inputs = inputs.replace("[1]", "")
    text = f"g ({inputs}) => ({result}[N] y) {{ {body} }}"
    graph, model = graph_from_text(text), model_from_text(text)
    (node,) = graph.nodes
    rng = np.random.default_rng(0)
    rounds = 6 if "s" in kinds else 2
    decided = 0
    for _ in range(rounds):
        bounds = [_bounds(kind, rng) for kind in kinds]
        operands = [Interval(low, high, np.ones(low.shape, bool)) for low, high in bounds]
        by_name = dict(zip("abc", operands, strict=False))
        with np.errstate(all="ignore"):
            found = apply_rule(node, [None if v is None else by_name[v.name] for v in node.inputs])
        known = np.broadcast_to(found.known, COUNT)
        points = found.is_point()
        decided += int(np.count_nonzero(points))
        for _ in range(8):
            feeds = {
                operand: _inside(low, high, rng).reshape(() if kind == "s" else -1)
                for operand, kind, (low, high) in zip("abc", kinds, bounds, strict=False)
            }
            (y,) = run_onnxruntime(model, feeds)
            nan = np.isnan(y) & np.isnan(found.lower) & np.isnan(found.upper)
            enclosed = (found.lower <= y) & (y <= found.upper) | nan
            assert (enclosed | ~known).all()
            assert ((y == found.lower) | nan | ~points).all()
    # Libraries differ in the last bits of Tanh and its like; what falls in between is not followed.
    undecided = ("Atan", "Erf", "Sigmoid", "Tanh", "falling LeakyRelu")
    assert (decided > COUNT * rounds // 12) == (name not in undecided)


@pytest.mark.parametrize("op", ["LeakyRelu", "HardSigmoid"])
def test_attributes_are_numbers_of_32_bits(op: str) -> None:
    graph = graph_from_text(f"g (double[N] a) => (double[N] y) {{ y = {op}(a) }}")
    assert not apply_rule(graph.nodes[0], [point(np.ones(1))]).known.any()


def test_half_precision_is_not_followed() -> None:
    graph = graph_from_text("g (float[N] a) => (float16[N] y) { y = Cast<to = 10>(a) }")
    assert not apply_rule(graph.nodes[0], [point(np.ones(1, np.float32))]).known.any()


def test_integers_are_not_divided() -> None:
    graph = graph_from_text("g (int32[N] a, int32[N] b) => (int32[N] y) { y = Div(a, b) }")
    four = point(np.full(1, 4, np.int32))
    assert not apply_rule(graph.nodes[0], [four, four]).known.any()


def test_points() -> None:
    one = point(np.ones(1, np.float32))
    assert one.is_point().all()
    assert not one.contains_zero().any()
    assert not one.contains_infinity().any()
    wide = Interval(np.array([-1.0]), np.array([np.inf]), np.array([True]))
    assert not wide.is_point().any()
    assert wide.contains_zero().all()
    assert wide.contains_infinity().all()
    unknown = Interval(wide.lower, wide.upper, np.array([False]))
    assert unknown.otherwise(one).lower == 1
    assert wide.otherwise(one).lower == -1
