"""±0, NaN, infinities and the largest numbers in every form of a binarized activation."""

from __future__ import annotations

import numpy as np
import pytest

import bnn_engine
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, model_from_text, signs

FORMS = {
    "sign": "s = Sign(x)",
    "where": "g = Greater(x, zero)  s = Where(g, one, minus)",
    "where_or_equal": "g = GreaterOrEqual(x, zero)  s = Where(g, one, minus)",
    "where_less": "g = Less(x, zero)  s = Where(g, minus, one)",
    "not": "h = Less(x, zero)  g = Not(h)  s = Where(g, one, minus)",
    "cast": "g = GreaterOrEqual(x, zero)  c = Cast<to = 1>(g)  d = Mul(c, two)  s = Sub(d, one)",
    "zero_or_one": "g = Greater(x, zero)  s = Cast<to = 1>(g)",
    "heaviside": "l = Less(x, zero)  h = Where(l, zero, one)  e = Equal(x, zero)"
    "  s = Where(e, half, h)",
    "round": "a = Add(x, one)  h = Div(a, two)  c = Clip(h, zero, one)  r = Round(c)"
    "  d = Mul(r, two)  s = Sub(d, one)",
    "bitorch": "t = Sign(x)  e = Equal(t, zero)  s = Where(e, one, t)",
    "larq": "t = Sign(x)  a = Add(t, tenth)  s = Sign(a)",
    "relu": "r = Relu(x)  s = Sign(r)",
    "tern": "a = Add(x, half)  p = Sign(a)  b = Sub(x, half)  q = Sign(b)  c = Add(p, q)"
    "  s = Sign(c)",
    "dorefa": "c = Clip(x, zero, one)  m = Mul(c, three)  r = Round(m)  s = Mul(r, third)",
}
ESTIMATORS = {
    "clamp": "t = Sign(x)  c = Clip(x, minus, one)  d = Sub(t, c)  s = Add(d, c)",
    "tanh": "t = Sign(x)  c = Tanh(x)  d = Sub(t, c)  s = Add(d, c)",
    "identity": "t = Sign(x)  d = Sub(t, x)  s = Add(x, d)",
}
NUMBERS: dict[str, Array] = {
    name: np.array(value, np.float32)
    for name, value in {
        "zero": 0,
        "half": 0.5,
        "one": 1,
        "two": 2,
        "three": 3,
        "third": 1 / 3,
        "minus": -1,
        "tenth": 0.1,
    }.items()
}
TINY = float(np.finfo(np.float32).smallest_subnormal)
FINITE = [0.0, -0.0, TINY, -TINY, 1e-38, -1e-38, 0.5, -0.5, 1.0, -1.0, 1.5, -7.0, 3e5]
HUGE = [2.0**24, -(2.0**24), 2.0**25 + 4, 1e19, -3e38]
BEYOND = [np.inf, -np.inf]


def model(form: str, *, layer: bool) -> tuple[str, dict[str, Array]]:
    constants = {**NUMBERS, "w": signs(np.random.default_rng(0), (1, 5))}
    outputs, more = ("float[] s, float[] y", "y = MatMul(s, w)") if layer else ("float[] s", "")
    return f"g (float[N, 1] x) => ({outputs}) {{ {form}  {more} }}", constants


def column(numbers: list[float]) -> Array:
    return np.array(numbers, np.float32)[:, None]


@pytest.mark.parametrize("layer", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, layer: bool) -> None:
    """Every number, NaN included; with a layer behind it the activation may be packed."""
    text, constants = model(FORMS[name], layer=layer)
    for numbers in (FINITE, [*FINITE, *HUGE, *BEYOND], [np.nan, 1.0, -1.0, 0.0]):
        assert_equal_answers(model_from_text(text, constants), {"x": column(numbers)})


@pytest.mark.parametrize("layer", [False, True])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators(name: str, layer: bool) -> None:
    """What straight-through estimators leave is Sign for all numbers below 2^24."""
    text, constants = model(ESTIMATORS[name], layer=layer)
    made = model_from_text(text, constants)
    engine = assert_equal_answers(made, {"x": column(FINITE)})
    np.testing.assert_array_equal(engine.run({"x": column(FINITE)})["s"], np.sign(column(FINITE)))


def test_estimators_beyond_the_range_of_their_arithmetic() -> None:
    """Documented difference: x + (sign(x) - x) rounds to x ± 1's neighbour, the engine to ±1."""
    text, constants = model(ESTIMATORS["identity"], layer=True)
    made = model_from_text(text, constants)
    x = column([2.0**25 + 4, -(2.0**26)])
    theirs = ort.run(made, {"x": x})["s"]
    assert not np.isin(theirs, (-1, 1)).any()
    ours = bnn_engine.load(made).run({"x": x})["s"]
    np.testing.assert_array_equal(ours, np.sign(x))
