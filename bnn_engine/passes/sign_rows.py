"""Recognises weights that are ±α in every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops import pack_signs

__all__ = ["SignRows", "split_sign_rows"]

# Folding scales into weights leaves relative spreads up to 3.3e-7: within the rounding of the sum.
MAX_RELATIVE_SPREAD = 5e-7


@dataclass(frozen=True)
class SignRows:
    """Weights W[o] = scale[o] · signs[o].

    Attributes:
        bits: packed signs, uint8 [O, bytes].
        scale: float32 [O], 0 for rows of zeros, else positive.
    """

    bits: NDArray[np.uint8]
    scale: NDArray[np.float32]


def split_sign_rows(weights: NDArray[Any]) -> SignRows | str:
    """Split ``weights`` into signs and scales.

    Args:
        weights: float32 [O, ...].

    Returns:
        Signs and scales, or the reason why the weights are not of that form.
    """
    if weights.dtype != np.float32:
        return f"weights are {weights.dtype}"
    if weights.size == 0:
        return "weights are empty"
    rows = weights.reshape(weights.shape[0], -1)
    magnitude = np.abs(rows)
    high, low = magnitude.max(axis=1), magnitude.min(axis=1)
    if not np.isfinite(high).all():
        return f"weights are not finite in row {int(np.argmin(np.isfinite(high)))}"
    constant = high - low <= np.float32(MAX_RELATIVE_SPREAD) * high
    if not constant.all():
        row = int(np.argmin(constant))
        return f"weights have {np.unique(rows[row]).size} levels in row {row}"
    middle = ((high.astype(np.float64) + low) / 2).astype(np.float32)
    return SignRows(pack_signs(weights), middle)
