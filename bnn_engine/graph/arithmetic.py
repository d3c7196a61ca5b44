"""Float32 arithmetic in exactly the order in which ONNX Runtime performs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_norm_coefficients"]


def batch_norm_coefficients(
    parameters: Sequence[NDArray[Any]], epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return s and B of ``y = x * s + B``, as which ONNX Runtime computes BatchNormalization.

    Both steps of that are rounded to float32.

    Args:
        parameters: scale, bias, mean and variance, float32 [C] each.
        epsilon: added to the variance.

    Returns:
        s and B, float32 [C].
    """
    scale, bias, mean, var = (np.asarray(array, dtype=np.float32) for array in parameters)
    with np.errstate(all="ignore"):
        s = np.multiply(scale, np.float32(1) / np.sqrt(var + np.float32(epsilon)), dtype=np.float32)
        return s, np.subtract(bias, mean * s, dtype=np.float32)
