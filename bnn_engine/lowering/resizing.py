"""Resize: nearest positions, or weighted sums along one axis after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.forms import constant_ints, finish, pick, stored, stored_axis
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["Resize"]

_MAX_EXTENT = 1 << 24
_MODES = ("nearest", "linear", "cubic")
_ROUNDING = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_COORDINATES = (
    "align_corners",
    "asymmetric",
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
)

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class _Axis:
    """An axis that changes.

    Attributes:
        axis: of the graph.
        extent: before.
        size: after.
        scale: what ONNX divides coordinates by.
    """

    axis: int
    extent: int
    size: int
    scale: np.float32


class Resize(NativeOp):
    """``Resize`` by constant scales or to constant sizes, without a region of interest."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        attributes = node.attributes
        mode = attributes.get("mode", "nearest")
        rounding = attributes.get("nearest_mode", "round_prefer_floor")
        coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
        if mode not in _MODES or rounding not in _ROUNDING or coordinates not in _COORDINATES:
            return f"mode {mode!r}, {rounding!r}, {coordinates!r}"
        if attributes.get("antialias", 0) != 0:
            return "antialiasing"
        axes = _axes(node)
        return axes if isinstance(axes, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        axes, value = _axes(node), data_input(node)
        assert not isinstance(axes, str)
        assert value.rank is not None
        if node.attributes.get("mode", "nearest") == "nearest":
            indices: list[_core.AxisIndex | None] = [None] * value.rank
            for axis in axes:
                indices[axis.axis] = _core.AxisIndex.list(axis.extent, _nearest(node, axis))
            finish(node, pick(node, value, indices, emitter), emitter)
            return
        located = stored(value, emitter)
        for axis in axes:
            place = stored_axis(axis.axis, located, value.rank)
            step = emitter.builder.resample(
                layer_name(node), located.id, place, axis.extent, *_weights(node, axis)
            )
            located = replace(located, id=step)
        finish(node, located, emitter)


def _axes(node: Node) -> list[_Axis] | str:
    """The axes whose positions are not all their own, or why they are not known."""
    value = data_input(node)
    if not value.rank or value.shape is None:
        return "a scalar is resized"
    listed = node.attributes.get("axes")
    axes = list(range(value.rank))
    if isinstance(listed, list):
        if any(not -value.rank <= int(axis) < value.rank for axis in listed):
            return f"axes {listed}"
        axes = [int(axis) % value.rank for axis in listed]
        if len(set(axes)) != len(axes):
            return f"axes {listed}"
    scales, sizes = node.input(2), node.input(3)
    made: list[_Axis] = []
    if sizes is not None and (sizes.const is None or sizes.const.size):
        wanted = constant_ints(sizes)
        if wanted is None or len(wanted) != len(axes):
            return "the sizes are not constant"
        if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            return "the aspect ratio is kept"
        for axis, size in zip(axes, wanted, strict=True):
            extent = value.shape[axis]
            if extent == size:
                continue
            if not isinstance(extent, int):
                return "an axis of unknown extent is resized"
            made.append(_Axis(axis, extent, size, np.float32(size) / np.float32(extent or 1)))
    else:
        if scales is None or scales.const is None or scales.const.size != len(axes):
            return "the scales are not constant"
        for axis, scale in zip(axes, scales.const.reshape(-1).astype(np.float32), strict=True):
            extent = value.shape[axis]
            if scale == 1:
                continue
            if not isinstance(extent, int) or not np.isfinite(scale) or scale <= 0:
                return "an axis of unknown extent is resized"
            with np.errstate(over="ignore"):
                exact = float(np.floor(np.float32(extent) * scale))
            made.append(_Axis(axis, extent, int(min(exact, _MAX_EXTENT + 1)), scale))
    if any(axis.extent < 1 or not 0 < axis.size <= _MAX_EXTENT for axis in made):
        return "an empty or huge axis"
    return made


def _coordinates(node: Node, axis: _Axis) -> Floats:
    """The input coordinate of every output position, in float32 as ONNX Runtime computes it."""
    x = np.arange(axis.size, dtype=np.float32)
    half, one = np.float32(0.5), np.float32(1)
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    if mode == "asymmetric":
        return x / axis.scale
    if mode == "align_corners":
        if axis.size == 1:
            return np.zeros(1, np.float32)
        return x * np.float32(axis.extent - 1) / np.float32(axis.size - 1)
    if mode == "pytorch_half_pixel" and axis.size == 1:
        return np.zeros(1, np.float32)
    if mode == "half_pixel_symmetric":
        exact = axis.scale * np.float32(axis.extent)
        adjustment = np.float32(axis.size) / exact
        center = np.float32(axis.extent) / np.float32(2)
        offset = center * (one - adjustment)
        return offset + (x + half) / axis.scale - half
    return (x + half) / axis.scale - half


def _nearest(node: Node, axis: _Axis) -> Positions:
    at = _coordinates(node, axis)
    rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
    if rounding == "floor":
        found = np.floor(at)
    elif rounding == "ceil":
        found = np.ceil(at)
    elif rounding == "round_prefer_ceil":
        found = np.floor(at + np.float32(0.5))
    else:
        found = np.ceil(at - np.float32(0.5))
    return np.clip(found, 0, axis.extent - 1).astype(np.int64)


def _weights(node: Node, axis: _Axis) -> tuple[Positions, Floats]:
    """Positions and weights of the inputs of every output, [size, taps] each."""
    at = _coordinates(node, axis)
    cubic = node.attributes.get("mode") == "cubic"
    if not cubic:
        at = np.clip(at, 0, axis.extent - 1).astype(np.float32)
    base = np.floor(at).astype(np.int64)
    t = (at - base).astype(np.float32)
    if cubic:
        positions = base[:, None] + np.arange(-1, 3)
        weights = _cubic(t, float(node.attributes.get("cubic_coeff_a", -0.75)))  # type: ignore[arg-type]
        if node.attributes.get("exclude_outside", 0) != 0:
            weights[(positions < 0) | (positions >= axis.extent)] = 0
            weights /= weights.sum(axis=1, keepdims=True)
    else:
        positions = base[:, None] + np.arange(2)
        weights = np.stack([1 - t, t], axis=1)
    clipped = np.clip(positions, 0, axis.extent - 1)
    return np.ascontiguousarray(clipped), np.ascontiguousarray(weights, np.float32)


def _cubic(t: Floats, a: float) -> Floats:
    """Weights of the neighbours at -1, 0, 1, 2 for a coordinate ``t`` behind number 0."""
    x = t.astype(np.float64)

    def near(d: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return np.stack([far(x + 1), near(x), near(1 - x), far(2 - x)], axis=1).astype(np.float32)
