"""Arithmetic in exactly the order in which ONNX Runtime performs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_norm_coefficients"]


def batch_norm_coefficients(
    parameters: Sequence[NDArray[Any]], epsilon: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return s and B of ``y = x * s + B``, as which ONNX Runtime computes BatchNormalization.

    Both steps of that are rounded to float32, or to float64 where the variance is float64.

    Args:
        parameters: scale, bias, mean and variance, [C] each.
        epsilon: added to the variance.

    Returns:
        s and B, [C].
    """
    dtype: Any = np.float64 if parameters[3].dtype == np.float64 else np.float32
    scale, bias, mean, var = (np.asarray(array, dtype=dtype) for array in parameters)
    with np.errstate(all="ignore"):
        s: NDArray[Any] = scale * (dtype(1) / np.sqrt(var + dtype(epsilon)))
        return s, np.subtract(bias, mean * s)
