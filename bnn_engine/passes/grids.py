"""Recognises numbers that are a common step times small integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.input_grid import MAX_LEVEL

__all__ = ["MAX_RELATIVE_SPREAD", "InputGrid", "input_grids", "integer_rows"]

MAX_RELATIVE_SPREAD = 5e-7
"""Of the greatest number: folding scales into weights leaves up to 3.3e-7, which is within the
rounding of a sum."""


def integer_rows(rows: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[Any]]:
    """Find the least integers q and a step s with rows[o] = s[o] · q[o], up to the spread allowed.

    Args:
        rows: finite real numbers [O, K], K > 0.

    Returns:
        q [O, K] with magnitudes of at most MAX_LEVEL; s [O], not negative, 0 for rows of zeros
        (whose q are 1); and whether a row is of this form, bool [O].
    """
    magnitudes = np.abs(rows)
    high, low = (end(magnitudes, axis=1).astype(np.float64) for end in (np.max, np.min))
    # Of one magnitude are most rows of binarized networks: found without a division an element.
    found = high - low <= MAX_RELATIVE_SPREAD * high
    levels = 1 - 2 * (rows < 0).view(np.int8)
    steps = np.where(found, (high + low) / 2, 0)
    for greatest in range(1, MAX_LEVEL + 1):
        waiting = np.flatnonzero(~found)
        if not waiting.size:
            break
        # A few columns tell most rows that are not of this form.
        waiting = waiting[_nearest(rows[waiting, :_PROBE], high[waiting] / greatest, greatest)[1]]
        numbers = rows[waiting].astype(np.float64)
        nearest, fits = _nearest(numbers, high[waiting] / greatest, greatest)
        done = waiting[fits]
        levels[done] = nearest[fits]
        steps[done] = _middle_ratio(numbers[fits], nearest[fits])
        found[done] = True
    return levels, steps, found


def _nearest(
    numbers: NDArray[Any], step: NDArray[np.float64], greatest: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The nearest integers, and whether those of a row are near enough to be of its form."""
    nearest = np.rint(numbers / step[:, None])
    spread = np.abs(numbers - nearest * step[:, None]).max(axis=1, initial=0)
    return nearest, spread <= MAX_RELATIVE_SPREAD * step * greatest


def _middle_ratio(numbers: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half-way between the least and the greatest step that a row's numbers ask for; [O]."""
    zero = levels == 0
    ratios = numbers / np.where(zero, 1, levels)
    least = np.where(zero, np.inf, ratios).min(axis=1)
    greatest = np.where(zero, -np.inf, ratios).max(axis=1)
    return np.asarray((least + greatest) / 2)


_PROBE = 32


@dataclass(frozen=True)
class InputGrid:
    """x = offset + scale · q, q among ``levels``, up to the rounding of float32."""

    scale: np.float32
    offset: np.float32
    levels: tuple[int, ...]

    def numbers(self) -> list[float]:
        """x of every level."""
        return [float(self.offset + self.scale * np.float32(level)) for level in self.levels]


def input_grids(values: NDArray[np.float32]) -> list[InputGrid]:
    """The grids that ``values`` lie on and that planes of at most 4 bits hold, cheapest first.

    Args:
        values: distinct numbers in ascending order.

    With an offset only where that saves planes: a layer pays for it at its borders.
    """
    found = [grid for grid in (_through_zero(values), _with_offset(values)) if grid is not None]
    return sorted(found, key=lambda grid: _planes(grid.levels))


def _through_zero(values: NDArray[np.float32]) -> InputGrid | None:
    levels, step, found = integer_rows(values[None])
    if not found[0] or step[0] == 0:  # nothing but 0 needs no layer
        return None
    numbers = tuple(levels[0].tolist())
    return InputGrid(np.float32(step[0]), np.float32(0), numbers) if _planes(numbers) <= 4 else None


def _with_offset(values: NDArray[np.float32]) -> InputGrid | None:
    """Odd numbers around the middle of 2^planes equal steps, whose code is the cheapest."""
    low, high = float(values[0]), float(values[-1])
    numbers, _, found = integer_rows(values[None].astype(np.float64) - low)
    greatest = int(numbers.max())
    if low == high or not found[0] or greatest > MAX_LEVEL:
        return None
    top = (1 << greatest.bit_length()) - 1
    scale = (high - low) / greatest / 2
    odd = 2 * numbers[0].astype(np.int64) - top
    return InputGrid(np.float32(scale), np.float32(low + top * scale), tuple(odd.tolist()))


def _planes(levels: tuple[int, ...]) -> int:
    """Bits of the codes for odd numbers, and for numbers around 0."""
    low, high = min(*levels, 0), max(*levels, 0)
    if all(level % 2 for level in levels):
        return max(-low, high).bit_length()
    return (high - low).bit_length()
