"""Signs of sums that are never zero are comparisons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.facts import is_bipolar
from bnn_engine.passes.thresholds import Step, monotone_steps, pull_back_all

__all__ = ["SignsOfSums"]


class SignsOfSums(Rewrite[Value]):
    """Sign(g(s)) → Binarize(g(s), least number above 0, +inf), where g(s) is never 0.

    s is the sum of a binary layer: an integer, |s| <= K, and s ≡ K (mod 2) where every one of the K
    elements under each window is -1 or +1 (so not next to padding). g is a chain of monotone
    float32 operations per channel, so that the s with g(s) = 0 are an interval, found exactly as
    thresholds are. Sign and Binarize differ at 0, which no such s gives; ``nan_passes`` makes them
    agree at NaN, which s is where the layer's input was.
    """

    op_types = frozenset({"Sign"})

    def match(self, graph: Graph, node: Node) -> Value | Declined | None:
        """Return the Sign's input, where a binary layer and a chain of steps compute it."""
        del graph
        start = node.input(0)
        assert start is not None
        x, steps = start, list[Step]()
        while (producer := x.producer) is not None:
            found = monotone_steps(producer)
            if found is None:
                break
            x, operations = found
            steps = operations + steps
        if producer is None or producer.domain != DOMAIN:
            return None
        if producer.op_type not in ("BinaryConv", "BinaryGemm"):
            return None
        source = producer.inputs[0]
        assert source is not None
        bipolar = is_bipolar(source)
        zero = np.zeros(1, np.float32)
        lower, upper = pull_back_all(steps, zero, zero)
        channels = _channels_that_reach(lower, upper, _length(producer), _parity(producer, bipolar))
        if channels:
            return Declined(f"{channels} channels can be 0")
        return start

    def rewrite(self, graph: Graph, node: Node, match: Value) -> None:
        """Put a Binarize in the place of Sign."""
        least = np.full(1, np.nextafter(np.float32(0), np.float32(1)))
        infinity = np.full(1, np.inf, np.float32)
        made = binarize_node(
            graph,
            match,
            least,
            infinity,
            1.0,
            node.outputs,
            node.name,
            nan_passes=True,
        )
        made.origins = node.origins
        graph.replace_node(node, [made])


def _length(layer: Node) -> int:
    """Elements under a window of a binary layer, padding included."""
    attributes = layer.attributes
    if layer.op_type == "BinaryGemm":
        features = attributes["features"]
        assert isinstance(features, int)
        return features
    channels, kernel = attributes["channels"], attributes["kernel_shape"]
    assert isinstance(channels, int)
    assert isinstance(kernel, list)
    return channels * math.prod(int(extent) for extent in kernel)


def _parity(layer: Node, bipolar: bool) -> int | None:
    """0 or 1 where every sum is even or odd, else None."""
    pads = layer.attributes.get("pads", [0])
    assert isinstance(pads, list)
    return _length(layer) % 2 if bipolar and not any(pads) else None


def _channels_that_reach(
    lower: NDArray[np.float32], upper: NDArray[np.float32], length: int, parity: int | None
) -> int:
    """Return in how many channels an integer of at most ``length`` lies in lower ... upper."""
    first = np.ceil(np.clip(lower.astype(np.float64), -length, length + 1))
    last = np.floor(np.clip(upper.astype(np.float64), -length - 1, length))
    if parity is not None:
        first += (first - parity) % 2
        last -= (last - parity) % 2
    return int(np.count_nonzero(first <= last))
