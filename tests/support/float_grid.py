"""Numbers at which functions of one float32 number go wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["around", "grid"]

Floats = NDArray[np.float32]

_LANDMARKS = [0, 1e-45, 1.2e-38, 0.05, 0.1, 0.25, 1 / 6, 1 / 3, 0.5, 2 / 3, 0.75, 5 / 6, 1, 1.5, 2]
_LARGE = [2.5, 3, 4, 6, 7.5, 15, 100, 2.0**23, 2.0**24, 2.0**31, 1e10, 1.8e19, 1e30, 3.4028235e38]


def around(points: Floats, reach: int = 2) -> Floats:
    """``points`` and as many float32 numbers on either side of each."""
    found = [points]
    with np.errstate(all="ignore"):
        for direction in (np.float32(np.inf), np.float32(-np.inf)):
            moved = points
            for _ in range(reach):
                moved = np.nextafter(moved, direction)
                found.append(moved)
    return np.concatenate(found)


def grid(*points: float) -> Floats:
    """Landmarks, ``points``, their negatives and neighbours, both zeros, infinities and NaN."""
    positive = np.array([*_LANDMARKS, *_LARGE, *points], np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    return np.concatenate([around(positive), around(-positive), special])
