"""Small integers as planes of ±1: the weights of low-bit layers.

    w = (constant + Σ_q 2^shifts[q] · plane q) / (halved ? 2 : 1)

Every plane has the layout of :mod:`bnn_engine.ops.packing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.packing import pack_signs, unpack_signs

__all__ = [
    "MAX_PLANES",
    "SIGNS",
    "TERNARY",
    "WeightCode",
    "choose_code",
    "pack_levels",
    "unpack_levels",
]

MAX_PLANES = 4


@dataclass(frozen=True)
class WeightCode:
    """Which integers planes of ±1 stand for; see the module."""

    shifts: tuple[int, ...]
    constant: int = 0
    halved: bool = False

    def numbers(self) -> dict[int, tuple[int, ...]]:
        """Every integer that the code can express, with its elements of ±1."""
        found: dict[int, tuple[int, ...]] = {}
        for signs in product((1, -1), repeat=len(self.shifts)):
            total = sum(sign << shift for sign, shift in zip(signs, self.shifts, strict=True))
            total += self.constant
            if not self.halved or total % 2 == 0:
                found.setdefault(total // 2 if self.halved else total, signs)
        return found

    def problem(self) -> str | None:
        """What is wrong with a code from a file, None if nothing is."""
        if not 1 <= len(self.shifts) <= MAX_PLANES + 1 or min(self.shifts) != 0:
            return f"weight_shifts are {list(self.shifts)}"
        if max(self.shifts) >= MAX_PLANES or abs(self.constant) > 1 << MAX_PLANES + 1:
            return f"weights of {list(self.shifts)} and {self.constant} are out of range"
        total = sum(1 << shift for shift in self.shifts) + self.constant
        return "weights are halves of odd numbers" if self.halved and total % 2 else None


SIGNS = WeightCode((0,))
TERNARY = WeightCode((0, 0), halved=True)


def choose_code(levels: NDArray[Any], *, constant: bool = True) -> WeightCode | None:
    """The code with the fewest planes for integers, of these one without a constant.

    Args:
        levels: distinct integers.
        constant: codes may have one, which costs a sum over the input at every pixel.

    Returns:
        None where more than MAX_PLANES planes are needed (one more without a constant).
    """
    low, high = int(levels.min()), int(levels.max())
    odd = bool((levels % 2 != 0).all())
    for planes in range(1, MAX_PLANES + 1 if constant else MAX_PLANES + 2):
        top, half = (1 << planes) - 1, 1 << (planes - 1)
        if odd and max(-low, high) <= top and planes <= MAX_PLANES:
            return WeightCode(tuple(range(planes)))
        if planes > 1 and max(-low, high) <= half // 2:
            return WeightCode((0, *range(planes - 1)), halved=True)
        if constant and high - low <= top:
            # Two's complement where that holds all levels, else the next range that does.
            first = max(min(low, -half), high - top)
            return WeightCode(tuple(range(planes)), 2 * first + top, halved=True)
    return None


def pack_levels(levels: NDArray[Any], code: WeightCode) -> NDArray[np.uint8]:
    """Pack integers that ``code`` can express.

    Args:
        levels: integers [O, ...].
        code: how.

    Returns:
        uint8 [planes, O, bytes of a row].
    """
    numbers = code.numbers()
    table = np.zeros((len(code.shifts), max(numbers) - min(numbers) + 1), np.int8)
    for number, signs in numbers.items():
        table[:, number - min(numbers)] = signs
    planes = table[:, levels.astype(np.int64) - min(numbers)]
    return np.stack([pack_signs(plane) for plane in planes])


def unpack_levels(
    packed: NDArray[np.uint8], code: WeightCode, row_shape: Sequence[int]
) -> NDArray[np.float32]:
    """Undo :func:`pack_levels`: float32 [O, *row_shape] of integers."""
    total = np.zeros((packed.shape[1], *row_shape), np.float32)
    for plane, shift in zip(packed, code.shifts, strict=True):
        total += unpack_signs(plane, row_shape) * np.float32(1 << shift)
    total += np.float32(code.constant)
    return total * np.float32(0.5 if code.halved else 1)
