"""Sums of weights over the taps of a window that are not padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Dim
from bnn_engine.ops.convolution import convolve

__all__ = ["sums_over_real_taps"]


def sums_over_real_taps(
    weights: NDArray[np.float64], attributes: Mapping[str, Any], spatial: tuple[Dim, ...]
) -> NDArray[np.float32] | None:
    """What a layer gives for an input of ones, which padding is not.

    Args:
        weights: [O, channels, kernel...] of a convolution, [O, K] of a dense layer.
        attributes: strides, pads and dilations of a convolution.
        spatial: extents of its input.

    Returns:
        [O] where it is the same at every position, else [1, O, outputs...]; None where it depends
        on an extent that is not known.
    """
    sums: NDArray[np.float32]
    if not any(attributes.get("pads", ())):
        sums = weights.reshape(len(weights), -1).sum(axis=1).astype(np.float32)
        return sums
    if not all(isinstance(extent, int) for extent in spatial):
        return None
    kernel = weights.shape[2:]
    taps = weights.sum(axis=1).reshape(-1, 1, *kernel).astype(np.float32)
    ones = np.ones((1, 1, *(int(extent) for extent in spatial if isinstance(extent, int))))
    sums = convolve(ones, taps, {**attributes, "channels": 1, "group": 1})
    return sums
