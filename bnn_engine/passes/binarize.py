"""Turns comparisons that select between -1 and +1 into Binarize."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.facts import channel_vector, per_channel_shape, uniform_value

__all__ = ["BinarizeComparisons", "interval_of_comparison"]

# The comparison with its operands swapped: t > x is x < t.
_SWAPPED = {
    "Greater": "Less",
    "GreaterOrEqual": "LessOrEqual",
    "Less": "Greater",
    "LessOrEqual": "GreaterOrEqual",
}


@dataclass(frozen=True)
class _Match:
    chain: tuple[Node, ...]
    x: Value
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    inside: float


class BinarizeComparisons(Rewrite[_Match]):
    """Where(x ? t, ±1, ∓1) → Binarize(x, lower, upper; inside).

    The comparison is true on an interval of the float32 numbers, and false for NaN:

        x >  t    [next above t, +inf]        x <  t    [-inf, next below t]
        x >= t    [t, +inf]                   x <= t    [-inf, t]

    with the empty interval for x > +inf, x < -inf and t = NaN. Binarize is ``inside`` on the
    interval and ``-inside`` elsewhere, NaN included, so ``inside`` is the value that Where gives
    for true; a Not in between swaps the two branches, and NaN then rightly gives the other one. ±0
    are equal to every comparison, and the next number above either is the smallest denormal.
    """

    op_types = frozenset({"Where"})

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Where between uniform ±1, of a comparison of something with a constant."""
        del graph
        condition, *branches = node.inputs
        values = [uniform_value(branch) for branch in branches]
        if condition is None or sorted(v for v in values if v is not None) != [-1.0, 1.0]:
            return None
        if any(branch is None or branch.dtype != np.float32 for branch in branches):
            return Declined("the branches are not float32")
        then = values[0]
        assert then is not None
        nodes = [node]
        while (compare := condition.producer) is not None and compare.op_type == "Not":
            nodes.append(compare)
            then = -then
            negated = compare.input(0)
            assert negated is not None
            condition = negated
        if compare is None or compare.domain or compare.op_type not in _SWAPPED:
            return None
        nodes.append(compare)
        x, threshold = compare.inputs
        kind = compare.op_type
        assert x is not None
        assert threshold is not None
        if x.const is not None:
            x, threshold, kind = threshold, x, _SWAPPED[kind]
        if threshold.const is None or x.const is not None:
            return Declined("the comparison is not with a constant")
        if x.dtype != np.float32:
            return Declined(f"it compares {x.dtype}")
        level = channel_vector(threshold.const, x.shape)
        if level is None:
            return Declined("the threshold is not per channel")
        if x.shape is None or x.shape != node.output.shape:
            return Declined("the branches or the threshold may enlarge the tensor")
        lower, upper = interval_of_comparison(kind, level)
        return _Match(tuple(reversed(nodes)), x, lower, upper, then)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put one Binarize in the place of Where."""
        made = binarize_node(
            graph, match.x, match.lower, match.upper, match.inside, node.outputs, name=node.name
        )
        made.origins = merged_origins(*match.chain)
        graph.replace_node(node, [made])


def binarize_node(
    graph: Graph,
    x: Value,
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
    inside: float,
    outputs: list[Value],
    name: str,
    *,
    nan_passes: bool = False,
) -> Node:
    """Make a Binarize of ``x`` that computes ``outputs``; bounds are [C] or [1]."""
    shape: tuple[int, ...] = () if lower.size == 1 else per_channel_shape(x.rank)
    bounds = [
        graph.constant(f"{outputs[0].name}_{kind}", bound.reshape(shape).copy())
        for kind, bound in (("lower", lower), ("upper", upper))
    ]
    attributes: dict[str, Attribute] = {"inside": inside, "nan_passes": int(nan_passes)}
    return Node("Binarize", [x, *bounds], outputs, attributes, name=name, domain=DOMAIN)


def interval_of_comparison(
    kind: str, threshold: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the interval on which a comparison with ``threshold`` is true.

    Args:
        kind: "Greater", "GreaterOrEqual", "Less" or "LessOrEqual".
        threshold: float32, any shape.

    Returns:
        Lower and upper end, of the same shape; (+inf, -inf) where the comparison is never true.
    """
    infinity = np.float32(np.inf)
    lower = np.full_like(threshold, -infinity)
    upper = np.full_like(threshold, infinity)
    if kind == "Greater":
        with np.errstate(all="ignore"):
            lower = np.nextafter(threshold, infinity)
        never = threshold == infinity
    elif kind == "GreaterOrEqual":
        lower, never = threshold, np.zeros_like(threshold, dtype=bool)
    elif kind == "Less":
        with np.errstate(all="ignore"):
            upper = np.nextafter(threshold, -infinity)
        never = threshold == -infinity
    else:
        upper, never = threshold, np.zeros_like(threshold, dtype=bool)
    never = never | np.isnan(threshold)
    return np.where(never, infinity, lower), np.where(never, -infinity, upper)
