"""Intervals of numbers: what is known of the values of an element-wise expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "point"]

Array = NDArray[Any]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """Bounds of many values at once, of any type; arrays broadcast against each other.

    Both zeros are one number. NaN is the one number of an interval whose bounds both are NaN; an
    interval of values that may or may not be NaN is not known.

    Attributes:
        lower: least number that each value can be.
        upper: greatest number that it can be.
        known: where that holds; elsewhere the value may be anything.
    """

    lower: Array
    upper: Array
    known: Bools

    def is_point(self) -> Bools:
        """Where the value is one number, or NaN."""
        nan = (self.lower != self.lower) & (self.upper != self.upper)
        return np.asarray(self.known & ((self.lower == self.upper) | nan))

    def contains_zero(self) -> Bools:
        """Where the value may be 0."""
        return np.asarray((self.lower <= 0) & (self.upper >= 0))

    def contains_infinity(self) -> Bools:
        """Where the value may be infinite: infinities are always bounds."""
        return np.isinf(self.lower) | np.isinf(self.upper)

    def otherwise(self, other: Interval) -> Interval:
        """Return this interval where it is known, else ``other``."""
        return Interval(
            np.where(self.known, self.lower, other.lower),
            np.where(self.known, self.upper, other.upper),
            self.known | other.known,
        )


def point(value: Array) -> Interval:
    """The interval of one known value."""
    return Interval(value, value, np.ones(value.shape, bool))
