"""Convolution and pooling over any number of axes in NumPy, one tap of the window after another.

A tap is one position inside the window. The elements that all windows have at a tap form a strided
slice of the padded input, so that each op is a loop over taps of whole-array operations:
``onnx.reference`` loops over outputs and takes up to half a second a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WINDOW_OPS"]

Array = NDArray[Any]
Attributes = Mapping[str, Any]


_Index = tuple[Any, ...]


def _last(parts: Sequence[int | slice]) -> _Index:
    """Index of the last axes."""
    return (..., *parts)


@dataclass(frozen=True)
class _Window:
    """A window that slides over the spatial axes.

    Attributes:
        kernel, strides, dilations: one number an axis.
        before, after: padding; ``after`` is negative where the last elements are never read.
        counts: number of positions.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    counts: tuple[int, ...]

    def taps(self, padded: Array) -> Iterator[tuple[tuple[int, ...], Array]]:
        """Each tap, and the elements [N, C, *counts] that the windows have there."""
        for tap in product(*map(range, self.kernel)):
            yield tap, padded[self.elements(tap)]

    def elements(self, tap: Sequence[int]) -> _Index:
        """Where the elements of ``tap`` lie in the padded input."""
        starts = [k * d for k, d in zip(tap, self.dilations, strict=True)]
        return _last(
            [
                slice(start, start + (count - 1) * stride + 1, stride) if count else slice(0, 0)
                for start, count, stride in zip(starts, self.counts, self.strides, strict=True)
            ]
        )

    def pad(self, x: Array, value: Any) -> Array:
        """``x`` with ``value`` around it, cut where no window reads it."""
        sizes = x.shape[2:]
        kept = [slice(0, size + min(a, 0)) for size, a in zip(sizes, self.after, strict=True)]
        widths = [(b, max(a, 0)) for b, a in zip(self.before, self.after, strict=True)]
        return np.pad(x[_last(kept)], [(0, 0), (0, 0), *widths], constant_values=value)


def _window(shape: Sequence[int], kernel: Sequence[int], attributes: Attributes) -> _Window:
    """The window of a node with ONNX's attributes over spatial axes of ``shape``."""
    rank = len(kernel)
    if len(shape) != rank:
        raise ValueError(f"a window of {rank} axes over {len(shape)}")
    strides = tuple(attributes.get("strides") or [1] * rank)
    dilations = tuple(attributes.get("dilations") or [1] * rank)
    pads = list(attributes.get("pads") or [0] * (2 * rank))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    if auto_pad == "VALID":
        pads = [0] * (2 * rank)
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        for axis, (size, stride, span) in enumerate(zip(shape, strides, spans, strict=True)):
            total = max((-(-size // stride) - 1) * stride + span - size, 0)
            small, large = total // 2, total - total // 2
            before = large if auto_pad == "SAME_LOWER" else small
            pads[axis], pads[axis + rank] = before, total - before
    counts, after = [], []
    for axis, (size, stride, span) in enumerate(zip(shape, strides, spans, strict=True)):
        before, behind = pads[axis], pads[axis + rank]
        room = size + before + behind - span
        count = max(room // stride + 1, 0)
        # The last window may be incomplete, but must not start in the padding behind.
        partial = attributes.get("ceil_mode", 0) and room > 0 and room % stride
        if partial and count * stride < size + before:
            count += 1
        counts.append(count)
        after.append(max(count - 1, 0) * stride + span - size - before)
    return _Window(
        tuple(kernel), strides, dilations, tuple(pads[:rank]), tuple(after), tuple(counts)
    )


_HALVES = ("float16", "bfloat16")


def _widened(arrays: Sequence[Any]) -> list[Any]:
    """Data, weights and bias, 16-bit floats as float32: sums are rounded once, in the end."""
    given = [*arrays, None, None][:3]
    return [
        array.astype(np.float32) if array is not None and array.dtype.name in _HALVES else array
        for array in given
    ]


def _conv(arrays: Sequence[Any], attributes: Attributes) -> list[Array]:
    """Sum over taps of matrix products, channels by channels."""
    x, weights, bias = _widened(arrays)
    groups = attributes.get("group", 1)
    outputs, per_group, *kernel = weights.shape
    window = _window(x.shape[2:], kernel, attributes)
    y = np.zeros((x.shape[0], groups, outputs // groups, math.prod(window.counts)), x.dtype)
    grouped = weights.reshape(groups, outputs // groups, per_group, *kernel)
    for tap, elements in window.taps(window.pad(x, 0)):
        pixels = elements.reshape(x.shape[0], groups, per_group, -1)
        y += grouped[_last(tap)] @ pixels
    y = y.reshape(x.shape[0], outputs, *window.counts)
    if bias is not None:
        y += bias.reshape(-1, *[1] * len(kernel))
    return [y.astype(arrays[0].dtype, copy=False)]


def _conv_transpose(arrays: Sequence[Any], attributes: Attributes) -> list[Array]:
    """Every input pixel adds its multiple of the window to the output."""
    x, weights, bias = _widened(arrays)
    groups = attributes.get("group", 1)
    channels, per_group, *kernel = weights.shape
    rank, sizes = len(kernel), x.shape[2:]
    strides = list(attributes.get("strides") or [1] * rank)
    dilations = list(attributes.get("dilations") or [1] * rank)
    extra = list(attributes.get("output_padding") or [0] * rank)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    full = [
        (size - 1) * stride + span + more
        for size, stride, span, more in zip(sizes, strides, spans, extra, strict=True)
    ]
    pads = list(attributes.get("pads") or [0] * (2 * rank))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    wanted = attributes.get("output_shape")
    if wanted is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        # As ONNX Runtime: a window smaller than the stride is not padded up to it.
        wanted = [min(n * stride, f) for n, stride, f in zip(sizes, strides, full, strict=True)]
    if wanted is not None:
        for axis, (size, target) in enumerate(zip(full, wanted[-rank:], strict=True)):
            total = max(size - target, 0)
            before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
            pads[axis], pads[axis + rank] = before, size - target - before
    elif auto_pad == "VALID":
        pads = [0] * (2 * rank)
    window = _Window(
        tuple(kernel), tuple(strides), tuple(dilations), (0,) * rank, (0,) * rank, sizes
    )
    batch = x.shape[0]
    padded = [size + max(-pads[axis + rank], 0) for axis, size in enumerate(full)]
    y = np.zeros((batch, groups * per_group, *padded), x.dtype)
    pixels = x.reshape(batch, groups, channels // groups, -1)
    grouped = weights.reshape(groups, channels // groups, per_group, *kernel)
    for tap in product(*map(range, kernel)):
        part = np.swapaxes(grouped[_last(tap)], 1, 2) @ pixels
        y[window.elements(tap)] += part.reshape(batch, -1, *sizes)
    kept = [slice(pads[axis], size - pads[axis + rank]) for axis, size in enumerate(full)]
    y = np.ascontiguousarray(y[_last(kept)])
    if bias is not None:
        y += bias.reshape(-1, *[1] * rank)
    return [y.astype(arrays[0].dtype, copy=False)]


def _max_pool(arrays: Sequence[Any], attributes: Attributes) -> list[Array]:
    """As ONNX Runtime: from the lowest finite number on, so NaN never wins."""
    x = arrays[0]
    window = _window(x.shape[2:], attributes["kernel_shape"], attributes)
    number = x.dtype.type  # np.finfo does not know bfloat16
    if x.dtype.kind in "iu":
        lowest = np.iinfo(x.dtype).min
    else:
        lowest = np.nextafter(number(-np.inf), number(0))
    positions = np.arange(math.prod(x.shape[2:]), dtype=np.int64)
    by_column = attributes.get("storage_order", 0)
    image = positions.reshape(x.shape[2:], order="F" if by_column else "C")[None, None]
    best = np.full((*x.shape[:2], *window.counts), lowest, x.dtype)
    index = np.full((1, 1, *window.counts), -1, np.int64) + np.zeros(best.shape, np.int64)
    taps = zip(window.taps(window.pad(x, lowest)), window.taps(window.pad(image, -1)), strict=True)
    for (_, elements), (_, where) in taps:
        with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
            better = elements > best
        best = np.where(better, elements, best)
        index = np.where(better, where, index)
    planes = np.arange(math.prod(x.shape[:2]), dtype=np.int64) * positions.size
    return [best, index + planes.reshape(*x.shape[:2], *[1] * len(window.counts))]


def _average_pool(arrays: Sequence[Any], attributes: Attributes) -> list[Array]:
    """Sum over the window by the number of its elements: real ones, or padded ones too."""
    x = _widened(arrays)[0]
    window = _window(x.shape[2:], attributes["kernel_shape"], attributes)
    inside = np.ones((1, 1, *x.shape[2:]), x.dtype)
    if attributes.get("count_include_pad", 0):
        # What ceil_mode adds behind the padding is no padding and does not count.
        rank = len(window.kernel)
        pads = attributes.get("pads") or [0] * (2 * rank)
        if attributes.get("auto_pad", "NOTSET") == "NOTSET":
            behind = tuple(min(a, p) for a, p in zip(window.after, pads[rank:], strict=True))
        else:
            behind = window.after
        widths = [(b, max(a, 0)) for b, a in zip(window.before, behind, strict=True)]
        inside = np.pad(inside, [(0, 0), (0, 0), *widths], constant_values=1)
        rest = [max(a, 0) - w for a, (_, w) in zip(window.after, widths, strict=True)]
        inside = np.pad(inside, [(0, 0), (0, 0), *((0, more) for more in rest)])
    else:
        inside = window.pad(inside, 0)
    total = _sum(window, window.pad(x, 0))
    return [(total / _sum(window, inside)).astype(arrays[0].dtype)]


def _sum(window: _Window, padded: Array) -> Array:
    total = np.zeros((*padded.shape[:2], *window.counts), padded.dtype)
    for _, elements in window.taps(padded):
        total += elements
    return total


def _lp_pool(arrays: Sequence[Any], attributes: Attributes) -> list[Array]:
    x, p = _widened(arrays)[0], attributes.get("p", 2)
    window = _window(x.shape[2:], attributes["kernel_shape"], attributes)
    total = _sum(window, window.pad(np.abs(x) ** p, 0))
    return [(total ** (1 / p)).astype(arrays[0].dtype)]


WINDOW_OPS: dict[str, Callable[[Sequence[Any], Attributes], list[Array]]] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "LpPool": _lp_pool,
    "MaxPool": _max_pool,
}
"""Op type to its function of inputs (None where omitted) and attributes."""
