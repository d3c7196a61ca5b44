"""Pieces end where they end, to the last bit; what has none is declined with its reason."""

import numpy as np
import pytest

from bnn_engine.passes.expressions import Expression, expressions_of
from bnn_engine.passes.float_order import INFINITY_KEY, float_of_key
from bnn_engine.passes.staircases import Effort, Staircase, staircase_of
from tests.support.onnx_models import Array, graph_from_text

CONSTANTS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "one": np.ones((), np.float32),
    "three": np.full((), 3, np.float32),
    "inf": np.full((), np.inf, np.float32),
    "t": np.array([[0.5, -np.inf, 2, np.nan]], np.float32),
}


def expressions(body: str) -> list[Expression]:
    """Expressions of y, the nearest root first."""
    graph = graph_from_text(f"g (float[N, 4] x) => (float[N, 4] y) {{ {body} }}", CONSTANTS)
    position = {id(node): place for place, node in enumerate(graph.nodes)}
    return list(expressions_of(graph.outputs[0], position))


def staircase(body: str) -> Staircase | str:
    """What y is as a function of x."""
    return staircase_of(expressions(body)[-1], Effort())


def test_two_bits_of_dorefa() -> None:
    found = staircase("c = Clip(x, zero, one)  m = Mul(c, three)  r = Round(m)  y = Div(r, three)")
    assert isinstance(found, Staircase)
    thirds = (np.arange(4, dtype=np.float32) / np.float32(3)).tolist()
    assert found.value.tolist() == thirds
    assert found.channel.tolist() == [0] * 4
    assert np.isnan(found.at_nan).tolist() == [True]
    assert (found.first[0], found.last[-1]) == (-INFINITY_KEY, INFINITY_KEY)
    np.testing.assert_array_equal(found.first[1:], found.last[:-1] + 1)
    for first, value in zip(found.first[1:], thirds[1:], strict=True):
        ends = float_of_key(np.array([first - 1, first]))
        levels = np.rint(np.clip(ends, 0, 1) * np.float32(3)) / np.float32(3)
        assert levels[0] < levels[1] == np.float32(value)
    # Halves round to even: 0.5 belongs to 2/3, and the smallest number above 1/6 to 1/3.
    assert float_of_key(found.first)[2] == 0.5


def test_thresholds_per_channel() -> None:
    found = staircase("p = Greater(x, t)  y = Cast<to = 1>(p)")
    assert isinstance(found, Staircase)
    pieces = list(zip(found.channel.tolist(), found.value.tolist(), strict=True))
    assert pieces == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]
    begins = float_of_key(found.first)
    assert begins[1] == np.nextafter(np.float32(0.5), np.float32(1))
    assert begins[3] == np.finfo(np.float32).min
    assert found.at_nan.tolist() == [0] * 4


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("y = Round(x)", "too many values"),
        ("y = Neg(x)", "too many values"),
        ("p = Less(x, zero)  y = Where(p, inf, one)", "infinities"),
        ("s = Sign(x)  y = Div(one, s)", "interval arithmetic"),
        ("c = Clip(x, zero, one)  i = Cast<to = 6>(c)  y = Cast<to = 1>(i)", "NaN gives"),
    ],
)
def test_declined(body: str, reason: str) -> None:
    found = staircase(body)
    assert isinstance(found, str)
    assert reason in found


def test_the_effort_is_limited() -> None:
    (expression,) = expressions("y = Sign(x)")
    effort = Effort(limit=50_000)
    found = [staircase_of(expression, effort) for _ in range(5)]
    assert isinstance(found[0], Staircase)
    assert effort.is_spent()
    assert found[-1] == "the graph has too many expressions to analyse"


def test_roots_from_near_to_far() -> None:
    found = expressions("a = Add(x, one)  s = Sign(a)  p = Equal(s, zero)  y = Where(p, one, s)")
    assert [expression.root.name for expression in found] == ["s", "a", "x"]
    assert [len(expression.nodes) for expression in found] == [2, 3, 4]
    assert len({expression.signature() for expression in found}) == 3


@pytest.mark.parametrize(
    "body",
    [
        "m = Softmax(x)  p = Greater(x, m)  y = Cast<to = 1>(p)",  # two tensors
        "p = Greater(x, wide)  y = Cast<to = 1>(p)",  # a constant that varies from row to row
    ],
)
def test_no_single_root(body: str) -> None:
    graph = graph_from_text(
        f"g (float[N, 4] x) => (float[N, 4] y) {{ {body} }}", {"wide": np.eye(4, dtype=np.float32)}
    )
    position = {id(node): place for place, node in enumerate(graph.nodes)}
    assert not list(expressions_of(graph.outputs[0], position))


def test_constants_that_enlarge_the_tensor_are_no_operands() -> None:
    graph = graph_from_text(
        "g (float[N, 1] x) => (float[N, 4] y) { p = Greater(x, t)  y = Cast<to = 1>(p) }", CONSTANTS
    )
    position = {id(node): place for place, node in enumerate(graph.nodes)}
    assert not list(expressions_of(graph.outputs[0], position))


def test_equal_functions_have_equal_signatures() -> None:
    first, second, other = (
        expressions(f"a = Add(x, {c})  p = Greater(a, zero)  y = Cast<to = 1>(p)")[-1].signature()
        for c in ("one", "one", "three")
    )
    assert first == second != other
