"""MultiThreshold in terms of Quantize."""

from __future__ import annotations

from collections.abc import Sequence
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
    gives fl(fl(out_scale · n) + out_bias). More than 15 thresholds are counted 15 at a time:
    Quantize of each part gives its count, an exact integer, as does their sum.
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
        """Put the counting in its place."""
        scale, bias = (np.float32(node.attributes[key]) for key in ("out_scale", "out_bias"))  # type: ignore[arg-type]
        channels, levels = match.thresholds.shape
        with np.errstate(all="ignore"):
            values = scale * np.arange(levels + 1, dtype=np.float32) + bias
        shape = match.x.shape
        assert shape is not None
        swapped = list(range(len(shape)))
        swapped[1], swapped[match.axis] = match.axis, 1
        moves = match.axis != 1 and channels != 1
        chain = Chain(graph, node, match.x)
        if moves:
            chain.step("Transpose", shape=tuple(shape[axis] for axis in swapped), perm=swapped)
        if levels <= MAX_LEVELS and np.isfinite(values).all():
            _add_levels(chain, graph, node, match.thresholds, values.tolist())
        else:
            _add_counts(chain, graph, node, match.thresholds)
            chain.step("Mul", np.asarray(scale)).step("Add", np.asarray(bias))
        if moves:
            chain.step("Transpose", shape=shape, perm=swapped)
        chain.replace()


def _add_counts(chain: Chain, graph: Graph, node: Node, thresholds: Floats) -> None:
    """Count all ``thresholds`` [C, B] or [1, B] that the value of ``chain`` reaches."""
    x, count = chain.value, None
    for first in range(0, thresholds.shape[1], MAX_LEVELS):
        part = thresholds[:, first : first + MAX_LEVELS]
        chain.value = x
        _add_levels(chain, graph, node, part, list(range(part.shape[1] + 1)))
        if count is not None:
            chain.step("Add", count)
        count = chain.value


def _add_levels(
    chain: Chain, graph: Graph, node: Node, thresholds: Floats, values: Sequence[float]
) -> None:
    """Give the entry of ``values`` at the number of ``thresholds`` that ``chain`` reaches."""
    is_number = ~np.isnan(thresholds.T)
    lower = np.where(is_number, thresholds.T, np.float32(np.inf))
    upper = np.where(is_number, np.float32(np.inf), np.float32(-np.inf))
    chain.insert(
        lambda value, outputs: quantize_node(graph, value, lower, upper, values, outputs, node.name)
    )
