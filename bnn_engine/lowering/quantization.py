"""Quantize on its own: where no layer in front of it could take it into its epilogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.native_op import NativeOp, data_input, fused_origins, layer_name
from bnn_engine.lowering.plane_code import PlaneCode, code_of_values
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Levels", "Quantize", "levels_of"]


@dataclass(frozen=True)
class Levels:
    """What a Quantize node compares with, and the planes that hold its result.

    Attributes:
        lower, upper: of every level above the lowest one, [L, C] or [L, 1].
        code: what the planes stand for.
        words: the bits of every level, L + 1.
    """

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    code: PlaneCode
    words: Sequence[int]

    def same_as(self, other: Levels) -> bool:
        """Whether both give the same planes."""
        return (
            self.code == other.code
            and self.words == other.words
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
        )

    def thresholds(self, channels: int | None = None) -> list[_core.Thresholds]:
        """One interval a level; expanded to ``channels`` where that is given."""
        size = channels or self.lower.shape[1]
        bounds = (
            np.ascontiguousarray(np.broadcast_to(bound, (len(bound), size)))
            for bound in (self.lower, self.upper)
        )
        return [_core.Thresholds(lower, upper, False) for lower, upper in zip(*bounds, strict=True)]

    def planes(self, name: str, channels: int) -> _core.BitPlanes:
        """The core's epilogue of a layer of ``channels`` outputs."""
        return _core.BitPlanes(name, self.thresholds(channels), self.words, self.code.planes)


def levels_of(node: Node) -> Levels | str:
    """The levels of a Quantize node, or why they are none."""
    bounds: list[NDArray[np.float32]] = []
    for index in (1, 2):
        bound = node.input(index)
        if bound is None or bound.const is None:
            return "its bounds are not constant"
        array = bound.const
        if array.ndim < 1 or any(extent != 1 for extent in array.shape[2:]):
            return "its bounds are not one constant per level and channel"
        bounds.append(array.reshape(len(array), -1).astype(np.float32, copy=False))
    lower, upper = np.broadcast_arrays(*bounds)
    if np.isnan(lower).any() or np.isnan(upper).any():
        return "a bound is NaN"
    empty = lower > upper
    nested = (lower[1:] >= lower[:-1]) & (upper[1:] <= upper[:-1])
    if not (nested | empty[1:]).all() or (empty[:-1] & ~empty[1:]).any():
        return "its intervals do not lie inside each other"
    values = node.attributes["values"]
    assert isinstance(values, list)
    if len(set(values)) == 1:
        return "all its values are equal"
    code, words = code_of_values([float(number) for number in values])
    return Levels(lower, upper, code, words)


class Quantize(NativeOp):
    """``Quantize``: float32 to planes of bits."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        value = data_input(node)
        if value.rank is None or not 2 <= value.rank <= 5:
            return "only [N, C] and images are packed"
        levels = levels_of(node)
        return levels if isinstance(levels, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name = data_input(node), layer_name(node)
        levels = levels_of(node)
        assert not isinstance(levels, str)
        nan_passes = node.attributes.get("nan_passes", 0) != 0
        located = emitter.quantized(
            name,
            value,
            levels.thresholds(),
            levels.code,
            levels.words,
            watch_nan=nan_passes,
        )
        if nan_passes and emitter.keep_nan:
            located = emitter.with_nan(name, located, value)
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])
