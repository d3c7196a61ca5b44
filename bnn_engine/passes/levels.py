"""Staircases as nested levels, the form of Binarize and Quantize."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.quantize import MAX_LEVELS
from bnn_engine.passes.float_order import INFINITY_KEY, float_of_key
from bnn_engine.passes.staircases import Staircase

__all__ = ["Levels", "levels_of", "sign_scale"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """``values[number of j with lower[j] <= x <= upper[j]]``, with nested intervals.

    Attributes:
        values: float32 [L + 1].
        lower, upper: float32 [L, C]; (+inf, -inf) is the empty interval.
        nan_passes: whether NaN gives NaN; else it gives ``values[0]``.
    """

    values: Floats
    lower: Floats
    upper: Floats
    nan_passes: bool


def levels_of(staircase: Staircase) -> Levels | str:
    """Return a staircase as levels, or the reason why it is none.

    With the values in order, level j holds on the pieces whose value comes j-th or later. That is
    an interval in every channel for rising and falling functions and for those with one summit, in
    one order or the other. NaN has to give what comes first; where it gives something else, that
    comes first and all numbers are in the interval of the level above it.
    """
    if staircase.value.dtype != np.float32:
        return f"it is {staircase.value.dtype}"
    values = np.unique(staircase.value)
    if values.size == 1:
        return "it is constant"
    if values.size > MAX_LEVELS + 1:
        return f"it takes {values.size} values"
    if _richest_channel(staircase) < values.size:
        return "its values vary from channel to channel"
    nan = staircase.at_nan[0]
    nan_passes = bool(np.isnan(staircase.at_nan).all())
    if not nan_passes and not (staircase.at_nan == nan).all():
        return "what NaN gives varies from channel to channel"
    found: Levels | None = None
    for ordered in (values, values[::-1]):
        intervals = _intervals(staircase, ordered)
        if intervals is not None:
            levels = Levels(ordered, *intervals, nan_passes)
            if nan_passes or nan == ordered[0]:
                return levels
            found = found or levels
    if found is None:
        return "the pieces of its levels do not lie beside each other"
    if values.size > MAX_LEVELS:
        return f"it takes {values.size} values and another one for NaN"
    if not np.isfinite(nan):
        return "NaN gives an infinity"
    everything = np.full((1, staircase.channels), np.inf, np.float32)
    return Levels(
        np.concatenate([np.full(1, nan), found.values]),
        np.concatenate([-everything, found.lower]),
        np.concatenate([everything, found.upper]),
        nan_passes=False,
    )


def _richest_channel(staircase: Staircase) -> int:
    """The greatest number of values in one channel."""
    pairs = np.unique(np.stack([staircase.channel, staircase.value.view(np.int32)]), axis=1)
    return int(np.unique(pairs[0], return_counts=True)[1].max())


def _intervals(staircase: Staircase, values: Floats) -> tuple[Floats, Floats] | None:
    """Bounds of the levels above ``values[0]``, None where one is no interval."""
    levels = values.size - 1
    order = np.argsort(values)
    level_of_piece = order[np.searchsorted(values[order], staircase.value)]
    shape = (levels, staircase.channels)
    first, last = np.full(shape, INFINITY_KEY + 1), np.full(shape, -INFINITY_KEY - 1)
    covered = np.zeros(shape, np.int64)
    for level in range(levels):
        chosen = level_of_piece > level
        channel = staircase.channel[chosen]
        np.minimum.at(first[level], channel, staircase.first[chosen])
        np.maximum.at(last[level], channel, staircase.last[chosen])
        np.add.at(covered[level], channel, staircase.last[chosen] - staircase.first[chosen] + 1)
    empty = covered == 0
    if not (empty | (last - first + 1 == covered)).all():
        return None
    infinity = np.float32(np.inf)
    lower = np.where(empty, infinity, float_of_key(np.where(empty, 0, first)))
    upper = np.where(empty, -infinity, float_of_key(np.where(empty, 0, last)))
    return lower, upper


def sign_scale(staircase: Staircase) -> float | None:
    """Return α > 0 where the staircase is α · Sign(x), None where it is something else."""
    if staircase.channels != 1 or not np.isnan(staircase.at_nan).all():
        return None
    scale = float(staircase.value[-1])
    values = np.array([-scale, 0, scale], np.float32)
    if scale <= 0 or not np.array_equal(staircase.value, values):
        return None
    return scale if staircase.first[1] == staircase.last[1] == 0 else None
