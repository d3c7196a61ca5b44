"""Where a function that gives a few rising numbers passes from one to the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bnn_engine.passes.thresholds import Step, pull_back

__all__ = ["level_bounds"]

Floats = NDArray[np.float32]


def level_bounds(function: Callable[[Floats], Floats], levels: Floats) -> tuple[Floats, Floats]:
    """Return the bounds of Quantize for a float32 function that never falls.

    function(x) >= levels[j] ⟺ lower[j-1] <= x <= upper[j-1], so the number of those intervals that
    hold x tells which of the levels, all that the function can give, it gives.

    Args:
        function: element-wise, a number for every number, the infinities included.
        levels: what it gives, in ascending order.

    Returns:
        lower and upper [levels - 1, 1], found by search with the function itself.
    """
    step = Step(function, np.array([True]))
    infinity = np.full(levels.size - 1, np.inf, np.float32)
    lower, upper = pull_back(step, levels[1:], infinity)
    return lower[:, np.newaxis], upper[:, np.newaxis]
