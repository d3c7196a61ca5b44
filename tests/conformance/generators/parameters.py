"""Parameters for untrained networks: weights a recipe can make again, BatchNorms that compress.

A network with random weights must still behave like a trained one where it matters: signs are
balanced, so that every layer sees both values, and no channel is dead. BatchNorm statistics are
therefore taken from a few images, then rounded to few bits.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conformance.recipes import Drawn

Floats = NDArray[np.float32]


class Parameters:
    """Draws a network's parameters one after another and remembers the large ones.

    Attributes:
        drawn: what :func:`tests.conformance.recipes.write` needs.
    """

    def __init__(self, name: str) -> None:
        self.drawn: list[Drawn] = []
        self._seed = zlib.crc32(name.encode())
        self._random = np.random.Generator(np.random.PCG64(self._seed))

    def images(self, shape: Sequence[int]) -> Floats:
        """Input to take statistics from."""
        return self._random.standard_normal(shape).astype(np.float32)

    def weights(self, shape: Sequence[int], deviation: float) -> Floats:
        """Nearly normal weights."""
        drawn = Drawn.normal(self._seed + len(self.drawn), shape, deviation)
        self.drawn.append(drawn)
        return drawn.values()

    def around(self, centre: float, spread: float, count: int) -> Floats:
        """Seventeen equally spaced numbers from ``centre - spread`` to ``centre + spread``."""
        steps = self._random.integers(-8, 9, count)
        return (centre + spread / 8 * steps).astype(np.float32)

    def scales(self, count: int) -> Floats:
        """BatchNorm's gamma: 0.5 to 1.5, an eighth of them negative, from 32 channels on one 0."""
        gamma = self.around(1.0, 0.5, count)
        gamma = np.where(np.arange(count) % 8 == 5, -gamma, gamma)
        gamma[31:32] = 0.0
        return gamma

    def shifts(self, count: int) -> Floats:
        """BatchNorm's beta: -0.5 to 0.5, some 0."""
        return self.around(0.0, 0.5, count)


def coarse_statistics(mean: Any, variance: Any) -> tuple[Floats, Floats]:
    """Nearby means and variances of few bits: a power of 2, and eighths of its root."""
    exponents = np.round(np.log2(np.maximum(np.asarray(variance, np.float64), 1e-6)) / 2)
    deviation = 2.0**exponents
    rounded = np.round(np.asarray(mean, np.float64) / deviation * 8) / 8 * deviation
    return rounded.astype(np.float32), (deviation**2).astype(np.float32)
