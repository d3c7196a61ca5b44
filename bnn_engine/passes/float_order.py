"""The float32 numbers in order, as integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["INFINITY_KEY", "float_of_key"]

INFINITY_KEY = 0x7F800000
"""The key of +inf; that of -inf is its negative, and every number has its key in between."""


def float_of_key(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the float32 numbers of keys, which are ordered alike; both zeros have key 0."""
    magnitude = np.abs(keys).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -magnitude, magnitude)
