"""Straight-through estimators among constants: the weights without their rounding noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["without_noise"]

_UNIT = 2.0**-24


def without_noise(weights: NDArray[Any], quantized: NDArray[Any]) -> NDArray[Any]:
    """Return what training's arithmetic made ``weights`` of, where that only added noise.

    weights = (quantized - latent) + latent = quantized + e, where e is what rounding adds. It grows
    with the latent weights: those ten times as large as the scale α of ±α leave rows with more
    levels than near-constant ones may have (:mod:`weight_rows`). Where |e| <= K u |quantized| for
    all of them, u = 2^-24, a sum of K products changes by at most K u Σ |quantized · x|: by no more
    than rounding that sum in another order may.

    Args:
        weights: the folded sum.
        quantized: what the quantizer gave, of a shape that broadcasts to that of ``weights``.
    """
    if weights.dtype != np.float32 or weights.ndim < 2 or weights.size == 0:
        return weights
    # Rows lie along the first or the second axis: K is the length of the shorter ones.
    length = weights.size // max(weights.shape[:2])
    with np.errstate(all="ignore"):
        noise = np.abs(weights - quantized)
        bound = np.abs(quantized) * np.float32(length * _UNIT)
    if not (noise <= bound).all():
        return weights
    return np.ascontiguousarray(np.broadcast_to(quantized, weights.shape))
