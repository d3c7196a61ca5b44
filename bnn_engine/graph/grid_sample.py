"""GridSample over any number of axes in NumPy: ``onnx.reference`` takes 0.4 s for an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["grid_sample"]

Array = NDArray[Any]

_CUBIC_SHARPNESS = -0.75


def grid_sample(arrays: Sequence[Any], attributes: Mapping[str, Any]) -> list[Array]:
    """Interpolate an image where a grid says, as ONNX Runtime does.

    Each axis has taps: the pixels that an output reads along it and their weights. An output is the
    sum over all combinations of taps of the product of their weights and the pixel.

    Args:
        arrays: image [N, C, *sizes] and grid [N, *outputs, r], whose last axis holds the position
            along the innermost image axis first, -1 to 1.
        attributes: mode, padding_mode, align_corners.

    Returns:
        The one output [N, C, *outputs].
    """
    image, grid = arrays
    sizes = image.shape[2:]
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(
        attributes.get("mode", "linear"), attributes.get("mode", "linear")
    )
    padding = attributes.get("padding_mode", "zeros")
    corners = bool(attributes.get("align_corners", 0))
    axes: list[list[tuple[Array, Array]]] = []
    for axis, size in enumerate(sizes):
        low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
        position = grid[..., len(sizes) - 1 - axis].astype(np.float64)
        place = low + (position + 1) * (high - low) / 2
        if mode == "nearest":
            place = np.round(place)
        if mode != "cubic":  # which pads each pixel that it reads, but not the position
            place = _inside(place, low, high, size, padding)
        axes.append(
            [
                (_pixel(index, low, high, size, padding), weight)
                for index, weight in _TAPS[mode](place)
            ]
        )
    return [_gather(image, axes).astype(image.dtype)]


def _gather(image: Array, axes: list[list[tuple[Array, Array]]]) -> Array:
    """Sum over the taps' combinations; positions of -1 are outside and read 0."""
    batch, channels = image.shape[:2]
    outputs = axes[0][0][0].shape[1:]
    total = np.zeros((batch, *outputs, channels), np.float64)
    rows = np.arange(batch).reshape(-1, *[1] * len(outputs))
    for taps in product(*axes):
        index: tuple[Any, ...] = (rows, slice(None), *(np.maximum(i, 0) for i, _ in taps))
        weight = np.prod([w for _, w in taps], axis=0)
        weight = np.where(np.all([i >= 0 for i, _ in taps], axis=0), weight, 0)
        total += image[index] * weight[..., None]
    return np.moveaxis(total, -1, 1)


def _inside(place: Array, low: float, high: float, size: int, padding: str) -> Array:
    if padding == "border":
        return np.clip(place, 0, size - 1)
    return _reflected(place, low, high) if padding == "reflection" else place


def _pixel(index: Array, low: float, high: float, size: int, padding: str) -> Array:
    """The pixel that stands for ``index``: itself, its reflection, the border, or -1 for 0."""
    if padding == "reflection":
        index = _reflected(index, low, high)
    elif padding == "zeros":
        index = np.where((index >= 0) & (index < size), index, -1)
        return index.astype(np.int64)
    return np.clip(index, 0, size - 1).astype(np.int64)


def _reflected(place: Array, low: float, high: float) -> Array:
    """``place`` mirrored at ``low`` and ``high`` until it lies between them."""
    if high == low:
        return np.full_like(place, low)
    period = 2 * (high - low)
    beyond = np.mod(place - low, period)
    return low + np.minimum(beyond, period - beyond)


def _linear(place: Array) -> list[tuple[Array, Array]]:
    first = np.floor(place)
    fraction = place - first
    return [(first, 1 - fraction), (first + 1, fraction)]


def _cubic(place: Array) -> list[tuple[Array, Array]]:
    """Keys' cubic convolution over four pixels."""
    first = np.floor(place) - 1
    a, t = _CUBIC_SHARPNESS, place - np.floor(place)
    weights = [
        ((a * (d - 5) * d + 8 * a) * d - 4 * a) if outer else (((a + 2) * d - (a + 3)) * d * d + 1)
        for d, outer in ((t + 1, True), (t, False), (1 - t, False), (2 - t, True))
    ]
    return [(first + tap, weight) for tap, weight in enumerate(weights)]


_TAPS: Mapping[str, Callable[[Array], list[tuple[Array, Array]]]] = {
    "cubic": _cubic,
    "linear": _linear,
    "nearest": lambda place: [(place, np.ones_like(place))],
}
