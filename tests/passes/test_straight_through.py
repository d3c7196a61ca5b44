"""When b cancels in (a - b) + b, tried on float32 numbers of all magnitudes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bnn_engine.graph import Node, Value
from bnn_engine.passes.intervals import Interval, point
from bnn_engine.passes.straight_through import Estimator, cancelled, straight_through
from tests.support.onnx_models import graph_from_text

Floats = NDArray[np.float32]

ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
POWERS = st.sampled_from([2.0**k for k in range(-20, 20)])
SCALES = st.one_of(st.just(0.0), POWERS, st.floats(2.0**-20, 2.0**20, width=32))
AB = Value("a"), Value("b")


def _evaluate(subtracts_first: bool, a: Floats, b: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return (a - b) + b if subtracts_first else (a + b) - b


@settings(max_examples=2000, deadline=None)
@given(
    alpha=SCALES,
    sign=st.sampled_from([1, -1]),
    bounds=st.tuples(ANY, ANY),
    scaled=st.booleans(),
    subtracts_first=st.booleans(),
)
def test_results_are_alpha(
    alpha: float, sign: int, bounds: tuple[float, float], scaled: bool, subtracts_first: bool
) -> None:
    a = np.array([alpha * sign], np.float32)
    low, high = (np.float32(b) for b in sorted(bounds))
    if scaled:  # so that both are of one magnitude
        low, high = (np.float32(np.tanh(b) * 5 * alpha) for b in (low, high))
    b = Interval(np.array([low]), np.array([high]), np.array([True]))
    near_zero = point(np.zeros(1, np.float32))
    estimator = Estimator(*AB, subtracts_first)
    found = cancelled(estimator, point(a), b, near_zero)
    if not found.known[0] or low >= 2.0**24 or high <= -(2.0**24):
        return
    tried = np.linspace(np.float64(low), np.float64(high), 101).astype(np.float32)
    tried = np.clip(np.concatenate([tried, np.nextafter(tried, np.float32(0))]), low, high)
    noise = np.abs(_evaluate(subtracts_first, a, tried).astype(np.float64) - a)
    exponent = np.frexp(alpha)[0]
    same_sign = low * sign >= 0 and high * sign >= 0
    if alpha == 0 or (exponent == 0.5 and same_sign and subtracts_first):
        assert noise.max() == 0
    assert noise.max() <= 6 * 2.0**-24 * alpha


@pytest.mark.parametrize("b", [0.0, 1e-30, 0.3, 1.0, 1.5, 3.0, 1e5, 2.0**23 + 1, 2.0**24])
def test_unit_steps_cancel_up_to_2_to_the_24(b: float) -> None:
    one, bound = np.ones(1, np.float32), np.full(1, b, np.float32)
    interval = Interval(np.zeros(1, np.float32), bound, np.array([True]))
    estimator = Estimator(*AB, subtracts_first=True)
    assert cancelled(estimator, point(one), interval, point(bound)).known.all()
    assert _evaluate(True, one, bound) == 1


@pytest.mark.parametrize(
    ("a", "low", "high", "subtracts_first"),
    [
        (1, -5, 0, True),  # the other sign
        (1, 0, 5, False),  # 1 + b loses bits of 1
        (0.3, 0, 2, True),  # 0.3 is no multiple of a unit in the last place of 2
        (1, -np.inf, 0, True),
        (np.inf, 0, 1, True),
    ],
)
def test_not_known_to_cancel(a: float, low: float, high: float, subtracts_first: bool) -> None:
    b = Interval(np.array([low], np.float32), np.array([high], np.float32), np.array([True]))
    a_point, x = point(np.array([a], np.float32)), point(np.ones(1, np.float32))
    estimator = Estimator(*AB, subtracts_first)
    assert not cancelled(estimator, a_point, b, x).known.any()


def test_a_has_to_be_one_number() -> None:
    a = Interval(np.array([-1], np.float32), np.array([1], np.float32), np.array([True]))
    zero = point(np.zeros(1, np.float32))
    assert not cancelled(Estimator(*AB, True), a, zero, zero).known.any()


@pytest.mark.parametrize("x", [2.0**24, -(2.0**24), 3e38])
def test_far_away_b_is_left_out(x: float) -> None:
    one, number = np.ones(1, np.float32), np.full(1, x, np.float32)
    unknown = Interval(number, number, np.array([False]))
    found = cancelled(Estimator(*AB, True), point(one), unknown, point(number))
    assert found.known.all()
    assert found.lower == found.upper == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("d = Sub(a, b)  y = Add(d, b)", True),
        ("d = Sub(a, b)  y = Add(b, d)", True),
        ("d = Sub(b, a)  y = Sub(b, d)", True),
        ("d = Add(a, b)  y = Sub(d, b)", False),
        ("d = Add(b, a)  y = Sub(d, b)", False),
        ("d = Sub(a, b)  y = Add(d, a)", None),
        ("d = Sub(b, a)  y = Add(d, b)", None),
        ("d = Sub(a, b)  y = Sub(d, b)", None),
        ("d = Sub(a, b)  y = Sub(b, d)", None),
        ("d = Add(a, b)  y = Add(d, b)", None),
        ("d = Mul(a, b)  y = Add(d, b)", None),
        ("d = Sub(a, b)  y = Mul(d, b)", None),
    ],
)
def test_forms(body: str, expected: bool | None) -> None:
    graph = graph_from_text(f"g (float[N] a, float[N] b) => (float[N] y) {{ {body} }}")
    found = straight_through(graph.nodes[-1])
    if expected is None:
        assert found is None
    else:
        a, b = graph.inputs
        assert found == Estimator(a, b, expected)


def test_other_nodes_are_none() -> None:
    assert straight_through(Node("Neg", [Value("x")], [Value("y")])) is None
