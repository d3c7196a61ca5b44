"""Recognises weights that are a few levels in every row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.input_grid import MAX_LEVEL
from bnn_engine.passes.grids import MAX_RELATIVE_SPREAD, integer_rows

__all__ = ["WeightRows", "split_rows"]

_BLOCK_ELEMENTS = 1 << 16


@dataclass(frozen=True)
class WeightRows:
    """Weights W[o] = scale[o] · levels[o] + offset[o].

    Attributes:
        levels: small integers, int8, of the shape of the weights.
        scale: float32 [O], 0 for rows of zeros.
        offset: float32 [O], where rows have two levels that are not opposite; else None.
    """

    levels: NDArray[np.int8]
    scale: NDArray[np.float32]
    offset: NDArray[np.float32] | None = None

    def are_signs(self) -> bool:
        """Whether all levels are -1 or +1."""
        return {-1, 1}.issuperset(self.distinct.tolist())

    @cached_property
    def distinct(self) -> NDArray[np.int8]:
        """All levels in ascending order."""
        if (self.levels * self.levels == 1).all():
            return np.array([-1, 1], np.int8)
        counts = np.bincount((self.levels + MAX_LEVEL).view(np.uint8).reshape(-1))
        return (np.flatnonzero(counts) - MAX_LEVEL).astype(np.int8)

    def negated(self) -> WeightRows:
        """The weights times -1."""
        return WeightRows(-self.levels, self.scale, None if self.offset is None else -self.offset)


def split_rows(weights: NDArray[Any]) -> WeightRows | str:
    """Split ``weights`` into integers, scales and, where nothing else does, offsets.

    Args:
        weights: float32 [O, ...].

    Returns:
        Integers of the least magnitudes, or the reason why the weights are not of that form.
    """
    if weights.dtype != np.float32:
        return f"weights are {weights.dtype}"
    if weights.size == 0:
        return "weights are empty"
    rows = weights.reshape(weights.shape[0], -1)
    levels = np.empty(rows.shape, np.int8)
    steps = np.empty(len(rows))
    # The first row alone decides about most float weights.
    block = max(1, _BLOCK_ELEMENTS // rows.shape[1])
    for first, last in ((0, 1), *((i, i + block) for i in range(1, len(rows), block))):
        part = slice(first, last)
        magnitudes = np.abs(rows[part])
        high, low = magnitudes.max(axis=1), magnitudes.min(axis=1)
        if not np.isfinite(high).all():
            return f"weights are not finite in row {first + int(np.argmin(np.isfinite(high)))}"
        if (high - low <= np.float32(MAX_RELATIVE_SPREAD) * high).all():
            levels[part] = np.where(rows[part] < 0, -1, 1)
            steps[part] = (high.astype(np.float64) + low) / 2
            continue
        levels[part], steps[part], found = integer_rows(rows[part])
        if not found.all():
            row = first + int(np.argmin(found))
            # Most float weights show in one row that they have no two levels either.
            two = _two_levels(rows[row : row + 1]) and _two_levels(weights)
            return two or f"weights have {len(set(rows[row].tolist()))} levels in row {row}"
    # Of {0, -1} the opposite is a code of one plane.
    opposite = levels.max(axis=1) == 0
    scale = np.where(opposite, -steps, steps).astype(np.float32)
    levels[opposite] *= -1
    return WeightRows(levels.reshape(weights.shape), scale)


def _two_levels(weights: NDArray[np.float32]) -> WeightRows | None:
    """β ± α in every row, None if there is another level."""
    rows = weights.reshape(weights.shape[0], -1)
    low, high = (end(rows, axis=1) for end in (np.min, np.max))
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return None
    middle = (low.astype(np.float64) + high) / 2
    above = rows > middle.astype(np.float32)[:, None]
    bound = np.float32(MAX_RELATIVE_SPREAD) * np.maximum(-low, high)
    for first in range(len(rows)):
        nearest = np.where(above[first], high[first], low[first])
        if np.abs(rows[first] - nearest).max() > bound[first]:
            return None
    levels = np.where(above, np.int8(1), np.int8(-1)).reshape(weights.shape)
    half = (high.astype(np.float64) - low) / 2
    return WeightRows(levels, half.astype(np.float32), middle.astype(np.float32))
