"""Piecewise constant functions of one float32 number, found exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.passes.expressions import Expression
from bnn_engine.passes.float_order import INFINITY_KEY, float_of_key
from bnn_engine.passes.intervals import Interval, point

__all__ = ["Effort", "Staircase", "staircase_of"]

Keys = NDArray[np.int64]

_SPLIT = 16
_MAX_CELLS_PER_CHANNEL = 2**14
_MAX_CELLS = 2**19

# What applying an op to a few cells costs, counted in cells.
_OVERHEAD = 2**11


@dataclass(frozen=True)
class Staircase:
    """A function that is constant on each of finitely many pieces of the numbers, per channel.

    Attributes:
        first, last: keys (of :mod:`float_order`) of the ends of the pieces, int64 [M].
        value: float32 [M], of each piece.
        channel: which channel each piece belongs to, int64 [M]; the pieces of a channel cover all
            numbers, the infinities included.
        at_nan: what NaN gives, float32 [C].
    """

    first: Keys
    last: Keys
    value: NDArray[np.float32]
    channel: Keys
    at_nan: NDArray[np.float32]

    @property
    def channels(self) -> int:
        """How many channels have pieces of their own."""
        return self.at_nan.size


class Effort:
    """How much analysing the expressions of one graph may still cost, in ops on cells.

    A layer of a real network needs 2^20; the limit keeps made-up ones from taking minutes.
    """

    def __init__(self, limit: int = 2**27) -> None:
        self._left = limit

    def is_spent(self) -> bool:
        """Return whether nothing more is to be analysed."""
        return self._left < 0

    def spend(self, expression: Expression, cells: int) -> None:
        """Count one evaluation over ``cells``."""
        self._left -= len(expression.nodes) * (cells + _OVERHEAD)


def staircase_of(expression: Expression, effort: Effort) -> Staircase | str:
    """Find the pieces of an expression by bisection.

    Interval arithmetic over a cell, the numbers between two bounds, encloses everything that the
    expression gives there. Where it encloses one number, the expression is that number on the whole
    cell: that is the proof. Otherwise the cell is split; a cell of one number always has an answer.
    The ends of the pieces are thus exact to the last bit, whatever the rounding of the operations.

    Args:
        expression: a function of one number, per channel.
        effort: what the analysis may cost.

    Returns:
        The staircase, or the reason why there is none.
    """
    channels = expression.channels
    channel = np.arange(channels)
    first, last = np.full(channels, -INFINITY_KEY), np.full(channels, INFINITY_KEY)
    closed: list[tuple[Keys, Keys, NDArray[np.float32], Keys]] = []
    limit = min(_MAX_CELLS_PER_CHANNEL * channels, _MAX_CELLS)
    with np.errstate(all="ignore"):
        nan = np.full(channels, np.nan, np.float32)
        at_nan = _given(expression.evaluate(point(nan), channel), channels)
        if not at_nan.is_point().all():
            return "what NaN gives is not known"
        while first.size:
            first, last, channel = _split(first, last, channel)
            effort.spend(expression, first.size)
            if effort.is_spent():
                return "the graph has too many expressions to analyse"
            cells = Interval(float_of_key(first), float_of_key(last), np.ones(first.size, bool))
            image = _given(expression.evaluate(cells, channel), first.size)
            done = image.is_point()
            if (done & ~np.isfinite(image.lower)).any():
                return "it gives infinities or NaN for numbers"
            closed.append((first[done], last[done], image.lower[done], channel[done]))
            first, last, channel = first[~done], last[~done], channel[~done]
            if (first == last).any():
                return "interval arithmetic does not tell what it gives"
            if first.size * _SPLIT > limit:
                return "it takes too many values"
    return _merged(closed, at_nan.lower)


def _given(image: Interval, size: int) -> Interval:
    """Give an interval that does not depend on x its full length."""
    arrays = (image.lower, image.upper, image.known)
    return Interval(*(np.broadcast_to(array, size) for array in arrays))


def _split(first: Keys, last: Keys, channel: Keys) -> tuple[Keys, Keys, Keys]:
    """Cut every cell into at most 16 of equal length."""
    length = last - first + 1
    steps = np.arange(_SPLIT + 1)
    cuts = first[:, None] + length[:, None] * steps // _SPLIT
    begins, ends = cuts[:, :-1], cuts[:, 1:] - 1
    kept = begins <= ends
    channels = np.broadcast_to(channel[:, None], begins.shape)
    return begins[kept], ends[kept], channels[kept]


def _merged(closed: list[Any], at_nan: NDArray[np.float32]) -> Staircase:
    """Put the cells of each channel in order and merge neighbours of equal value."""
    first, last, value, channel = (np.concatenate(arrays) for arrays in zip(*closed, strict=True))
    order = np.lexsort((first, channel))
    first, last, value, channel = first[order], last[order], value[order], channel[order]
    begins = np.append(True, (value[1:] != value[:-1]) | (channel[1:] != channel[:-1]))
    ends = np.append(begins[1:], True)
    return Staircase(
        first[begins], last[ends], value[begins] + np.float32(0), channel[begins], at_nan
    )
