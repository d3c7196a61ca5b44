"""Float32 arithmetic in exactly the order in which ONNX Runtime performs it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_norm_coefficients"]


def batch_norm_coefficients(
    scale: NDArray[Any], bias: NDArray[Any], mean: NDArray[Any], var: NDArray[Any], epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the s and B of ONNX Runtime's BatchNormalization: ``y = x * s + B``, both steps rounded to float32.

    Args:
        scale, bias, mean, var: float32 [C].
        epsilon: added to the variance.

    Returns:
        s and B, float32 [C].
    """
    with np.errstate(all="ignore"):
        s = scale * (np.float32(1) / np.sqrt(var + np.float32(epsilon)))
        return s, bias - mean * s
