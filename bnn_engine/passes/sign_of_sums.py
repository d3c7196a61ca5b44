"""Signs of sums that are never zero are comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN, code_of
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.facts import is_bipolar
from bnn_engine.passes.thresholds import Step, monotone_steps, pull_back_all

__all__ = ["SignsOfSums"]


class SignsOfSums(Rewrite[Value]):
    """Sign(g(s)) → Binarize(g(s), least number above 0, +inf), where g(s) is never 0.

    s is the sum of a layer of few bits: an integer, |s| <= K · max|q| · max|w|, and s ≡ K (mod 2)
    where all of the K products under each window are odd (so not next to padding), as those of -1
    and +1 are. g is a chain of monotone
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
        sums = _sums(producer)
        if sums is None:
            return None
        zero = np.zeros(1, np.float32)
        lower, upper = pull_back_all(steps, zero, zero)
        channels = _channels_that_reach(lower, upper, sums)
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


@dataclass(frozen=True)
class _Sums:
    """Integers of at most ``most`` that a layer gives, of one ``parity`` where that is known."""

    most: int
    parity: int | None


def _sums(layer: Node) -> _Sums | None:
    """The sums of a layer of few bits; None for other ops."""
    attributes, source = layer.attributes, layer.inputs[0]
    assert source is not None
    if layer.op_type in ("BinaryConv", "BinaryGemm"):
        most, odd = 1, is_bipolar(source)
    elif layer.op_type in ("LowBitConv", "LowBitGemm"):
        given, weights = attributes["levels"], code_of(attributes).numbers()
        assert isinstance(given, list)
        levels = [int(level) for level in given]
        most = max(abs(level) for level in levels) * max(abs(weight) for weight in weights)
        odd = all(number % 2 for number in (*levels, *weights))
    else:
        return None
    pads = attributes.get("pads", [0])
    assert isinstance(pads, list)
    length = _length(layer)
    return _Sums(most * length, length % 2 if odd and not any(pads) else None)


def _length(layer: Node) -> int:
    """Elements under a window, padding included."""
    attributes = layer.attributes
    features = attributes.get("features")
    if isinstance(features, int):
        return features
    channels, kernel = attributes["channels"], attributes["kernel_shape"]
    assert isinstance(channels, int)
    assert isinstance(kernel, list)
    return channels * math.prod(int(extent) for extent in kernel)


def _channels_that_reach(
    lower: NDArray[np.float32], upper: NDArray[np.float32], sums: _Sums
) -> int:
    """Return in how many channels one of the ``sums`` lies in lower ... upper."""
    first = np.ceil(np.clip(lower.astype(np.float64), -sums.most, sums.most + 1))
    last = np.floor(np.clip(upper.astype(np.float64), -sums.most - 1, sums.most))
    if sums.parity is not None:
        first += (first - sums.parity) % 2
        last -= (last - sums.parity) % 2
    return int(np.count_nonzero(first <= last))
