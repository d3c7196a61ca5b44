"""The float32 numbers in order, as integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["INFINITY_KEY", "float_of_key", "key_of_float"]

INFINITY_KEY = 0x7F800000
"""The key of +inf; that of -inf is its negative, and every number has its key in between."""


def float_of_key(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the float32 numbers of keys, which are ordered alike; both zeros have key 0."""
    magnitude = np.abs(keys).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -magnitude, magnitude)


def key_of_float(numbers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the keys of float32 numbers that are not NaN."""
    magnitude = np.abs(numbers).view(np.uint32).astype(np.int64)
    return np.where(numbers < 0, -magnitude, magnitude)
