"""Staircases as nested levels: orders of values, NaN, and what is no such thing."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.passes.float_order import INFINITY_KEY, float_of_key
from bnn_engine.passes.levels import Levels, levels_of, sign_scale
from bnn_engine.passes.staircases import Staircase

NAN = float("nan")
INF = float("inf")


def staircase(*channels: list[float], nan: float | list[float] = NAN) -> Staircase:
    """Pieces that end at -2, -1, 0 ..., with these values."""
    first: list[int] = []
    last: list[int] = []
    for values in channels:
        ends = np.arange(-2, len(values) - 3, dtype=np.float32).view(np.int32).astype(np.int64)
        keys = np.where(ends < 0, -(ends & 0x7FFFFFFF), ends).tolist()
        first += [-INFINITY_KEY, *(key + 1 for key in keys)]
        last += [*keys, INFINITY_KEY]
    return Staircase(
        np.array(first),
        np.array(last),
        np.concatenate(channels).astype(np.float32),
        np.repeat(np.arange(len(channels)), [len(values) for values in channels]),
        np.array(nan if isinstance(nan, list) else [nan] * len(channels), np.float32),
    )


def evaluate(levels: Levels, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """As Quantize does, for every channel: [C, M]."""
    inside = (levels.lower[:, :, None] <= x) & (x <= levels.upper[:, :, None])
    for outer, inner in itertools.pairwise(inside):
        assert (outer | ~inner).all()  # nested
    y = levels.values[inside.sum(axis=0)]
    return np.where(np.isnan(x) & levels.nan_passes, x, y)


@pytest.mark.parametrize(
    ("channels", "nan", "values"),
    [
        ([[0, 1, 2]], NAN, [0, 1, 2]),
        ([[2, 1, 0]], NAN, [0, 1, 2]),
        ([[0, 1, 2]], 0, [0, 1, 2]),
        ([[0, 1, 2]], 2, [2, 1, 0]),
        ([[0, 1, 2]], 1, [1, 0, 1, 2]),
        ([[0, 1, 2]], 7, [7, 0, 1, 2]),
        ([[0, 2, 1, 0]], NAN, [0, 1, 2]),
        ([[2, 0, 1]], NAN, [2, 1, 0]),
        ([[0, 1, 2], [2, 1, 0], [1, 1, 1], [1, 2, 1]], 0, [0, 1, 2]),
        ([[float(i) for i in range(16)]], NAN, list(range(16))),
        ([[-0.5, 0.5]], -0.5, [-0.5, 0.5]),
        ([[-0.5, 0.5]], 0.5, [0.5, -0.5]),
    ],
)
def test_levels(channels: list[list[float]], nan: float, values: list[float]) -> None:
    given = staircase(*channels, nan=nan)
    levels = levels_of(given)
    assert isinstance(levels, Levels)
    assert levels.values.tolist() == values
    ends = np.concatenate([float_of_key(given.first), float_of_key(given.last)])
    y = evaluate(levels, np.append(ends, np.float32(np.nan)))
    for channel in range(len(channels)):
        own = given.channel == channel
        bounds = float_of_key(given.first[own]), float_of_key(given.last[own])
        for low, high, value in zip(*bounds, given.value[own], strict=True):
            assert (y[channel, :-1][(low <= ends) & (ends <= high)] == value).all()
        np.testing.assert_array_equal(y[channel, -1], np.float32(nan))


@pytest.mark.parametrize(
    ("channels", "nan", "reason"),
    [
        ([[1, 1, 1]], NAN, "constant"),
        ([[0, 1, 0, 1]], NAN, "beside"),
        ([[0, 2, 1, 2]], NAN, "beside"),
        ([[float(i) for i in range(17)]], NAN, "17 values"),
        ([[float(i) for i in range(16)]], 20, "another one for NaN"),
        ([[0, 1], [0, 2]], NAN, "channel to channel"),
        ([[0, 1], [0, 1]], [0, 1], "channel to channel"),
        ([[0, 1]], INF, "infinity"),
    ],
)
def test_declined(channels: list[list[float]], nan: float, reason: str) -> None:
    found = levels_of(staircase(*channels, nan=nan))
    assert isinstance(found, str)
    assert reason in found


def _sign(scale: float, zero: tuple[int, int] = (0, 0), nan: float = NAN) -> Staircase:
    first, last = zero
    return Staircase(
        np.array([-INFINITY_KEY, first, last + 1]),
        np.array([first - 1, last, INFINITY_KEY]),
        np.array([-scale, 0, scale], np.float32),
        np.zeros(3, np.int64),
        np.array([nan], np.float32),
    )


def test_signs() -> None:
    assert sign_scale(_sign(1)) == 1
    assert sign_scale(_sign(0.25)) == 0.25
    assert sign_scale(_sign(-1)) is None
    assert sign_scale(_sign(1, zero=(0, 1))) is None
    assert sign_scale(_sign(1, zero=(5, 5))) is None
    assert sign_scale(_sign(1, nan=0)) is None
    assert sign_scale(staircase([-1, 1])) is None
