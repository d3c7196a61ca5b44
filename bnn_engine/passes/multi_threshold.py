"""MultiThreshold in terms of Quantize or of standard ops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.ops.multi_threshold import channel_axis
from bnn_engine.ops.quantize import MAX_LEVELS
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.chain import Chain
from bnn_engine.passes.quantize_node import quantize_node

__all__ = ["MultiThresholds"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Match:
    x: Value
    axis: int
    thresholds: Floats


class MultiThresholds(Rewrite[_Match]):
    """MultiThreshold(x, T) → Quantize(x), between two Transposes where channels are not axis 1.

    The number of thresholds of a channel that x reaches does not depend on their order. In
    ascending order, T_j <= x are nested intervals [T_j, +inf], those of NaN empty; x of level n
    gives fl(fl(out_scale · n) + out_bias). With more than 15 thresholds they are counted in
    standard ops: x >= T along a new last axis, summed over it.
    """

    op_types = frozenset({"MultiThreshold"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return constant thresholds, sorted, NaN last."""
        del graph
        x, thresholds = node.inputs
        assert x is not None
        assert thresholds is not None
        if thresholds.const is None:
            return Declined("its thresholds are not constant")
        if x.rank is None:
            return Declined("the rank of its input is not known")
        axis = node.attributes["axis"]
        assert isinstance(axis, int)
        ascending = np.sort(thresholds.const.astype(np.float32, copy=False), axis=1)
        return _Match(x, channel_axis(axis, x.rank), ascending)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put Quantize, or the counting, in its place."""
        scale, bias = (np.float32(node.attributes[key]) for key in ("out_scale", "out_bias"))  # type: ignore[arg-type]
        levels = match.thresholds.shape[1]
        with np.errstate(all="ignore"):
            values = scale * np.arange(levels + 1, dtype=np.float32) + bias
        chain = Chain(graph, node, match.x)
        if levels <= MAX_LEVELS and np.isfinite(values).all():
            self._quantize(graph, node, match, chain, values.tolist())
        else:
            self._count(match, chain)
            chain.step("Mul", np.asarray(scale)).step("Add", np.asarray(bias))
        chain.replace()

    def _quantize(
        self, graph: Graph, node: Node, match: _Match, chain: Chain, values: list[float]
    ) -> None:
        is_number = ~np.isnan(match.thresholds.T)
        lower = np.where(is_number, match.thresholds.T, np.float32(np.inf))
        upper = np.where(is_number, np.float32(np.inf), np.float32(-np.inf))
        shape = match.x.shape
        assert shape is not None
        swapped = list(range(len(shape)))
        swapped[1], swapped[match.axis] = match.axis, 1
        moves = match.axis != 1 and lower.shape[1] != 1
        if moves:
            chain.step("Transpose", shape=tuple(shape[axis] for axis in swapped), perm=swapped)
        chain.insert(
            lambda value, outputs: quantize_node(
                graph, value, lower, upper, values, outputs, node.name
            )
        )
        if moves:
            chain.step("Transpose", shape=shape, perm=swapped)

    def _count(self, match: _Match, chain: Chain) -> None:
        shape = match.x.shape
        assert shape is not None
        last = np.array([-1], np.int64)
        channels, levels = match.thresholds.shape
        behind = [1] * (len(shape) - 1 - match.axis)
        bounds = match.thresholds.reshape(channels, *behind, levels)
        chain.step("Unsqueeze", last, shape=(*shape, 1))
        chain.step("GreaterOrEqual", bounds, dtype=np.bool_)
        chain.step("Cast", to=1)
        chain.step("ReduceSum", last, shape=shape, keepdims=0)
