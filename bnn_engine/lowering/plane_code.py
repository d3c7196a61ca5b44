"""What the planes of a packed tensor stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnn_engine import _core
from bnn_engine.graph import Value
from bnn_engine.passes.facts import possible_values
from bnn_engine.passes.grids import InputGrid, input_grids

__all__ = ["SIGNS", "TERNARY", "PlaneCode", "code_for", "code_of_values", "grid_of_signs"]


@dataclass(frozen=True)
class PlaneCode:
    """Integers as planes of bits, and the numbers that they stand for.

    A word is the bits of one element, bit p from plane p.

    Attributes:
        digits, zero, odd, ternary: which integers (see ``_core.InputCode``).
        values: the number of every word, None for words that do not occur.
    """

    digits: int
    zero: int
    odd: bool
    ternary: bool
    values: tuple[float | None, ...]

    @property
    def planes(self) -> int:
        """How many bits an element has."""
        return 2 if self.ternary else max(self.digits, 1)

    def input_code(self) -> _core.InputCode:
        """The core's form of the integers."""
        return _core.InputCode(self.digits, self.zero, self.odd, self.ternary)

    def integer(self, word: int) -> int:
        """The integer that ``word`` stands for."""
        if self.ternary:
            return (0, 0, 1, -1)[word]
        if self.digits == 0:
            return 1 - 2 * word
        return 2 * word - (1 << self.digits) + 1 if self.odd else word - self.zero

    def word(self, integer: int) -> int:
        """The word that stands for ``integer``."""
        words = [word for word, _ in enumerate(self.values) if self.integer(word) == integer]
        return words[0]

    def stands_for(self, grid: InputGrid) -> bool:
        """Whether all numbers that occur are offset + scale times their integers."""
        numbers = [(n, self.integer(word)) for word, n in enumerate(self.values) if n is not None]
        steps = [(number - float(grid.offset)) / float(grid.scale) for number, _ in numbers]
        return all(
            round(step) == integer for step, (_, integer) in zip(steps, numbers, strict=True)
        )

    def ascends(self) -> bool:
        """Whether the greater of two integers stands for the greater number."""
        pairs = [(self.integer(word), n) for word, n in enumerate(self.values) if n is not None]
        return [number for _, number in sorted(pairs)] == sorted(number for _, number in pairs)

    def table(self) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """The number of every word, as unpacking reads it."""
        return np.array([0.0 if number is None else number for number in self.values], np.float32)


SIGNS = PlaneCode(0, 0, False, False, (1.0, -1.0))
TERNARY = PlaneCode(0, 0, False, True, (0.0, None, 1.0, -1.0))


def code_for(levels: Sequence[int], numbers: Sequence[float]) -> PlaneCode:
    """The code with the fewest and cheapest planes for integers that stand for numbers.

    Args:
        levels: of an :class:`InputGrid`.
        numbers: what each of them stands for.
    """
    low, high = min(levels), max(levels)
    if {-1, 1}.issuperset(levels):
        code = SIGNS
    elif low == -1 and high == 1:
        code = TERNARY
    elif all(level % 2 for level in levels):
        code = _digits(max(-low, high).bit_length(), 0, odd=True)
    else:
        low, high = min(low, 0), max(high, 0)
        code = _digits(max((high - low).bit_length(), 1), -low, odd=False)
    values: list[float | None] = [None] * len(code.values)
    for level, number in zip(levels, numbers, strict=True):
        values[code.word(level)] = float(np.float32(number))
    return PlaneCode(code.digits, code.zero, code.odd, code.ternary, tuple(values))


def _digits(digits: int, zero: int, *, odd: bool) -> PlaneCode:
    return PlaneCode(digits, zero, odd, False, (None,) * (1 << digits))


def code_of_values(values: Sequence[float]) -> tuple[PlaneCode, list[int]]:
    """A code for a Quantize's values, and the word of each; digits of its levels at worst."""
    numbers = np.asarray(values, np.float32) + np.float32(0)
    distinct = np.unique(numbers)
    grids = input_grids(distinct)
    if not grids:
        digits = (len(values) - 1).bit_length()
        table = [*map(float, values), *[None] * ((1 << digits) - len(values))]
        return PlaneCode(digits, 0, False, False, tuple(table)), list(range(len(values)))
    grid = grids[0]
    code = code_for(grid.levels, distinct.tolist())
    levels = [grid.levels[index] for index in np.searchsorted(distinct, numbers)]
    return code, [code.word(level) for level in levels]


def grid_of_signs(value: Value) -> InputGrid:
    """The grid of a binary op's input, which takes values among -1, 0 and +1 only."""
    found = possible_values(value)
    levels = (-1, 0, 1) if found is None else tuple(int(number) for number in found)
    return InputGrid(np.float32(1), np.float32(0), levels)
