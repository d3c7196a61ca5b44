"""What straight-through estimators leave in exported graphs: (a - b) + b."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Node, Value
from bnn_engine.passes.intervals import Interval

__all__ = ["cancelled", "straight_through"]

_MANTISSA = np.float32(2**24)


def straight_through(node: Node) -> tuple[Value, Value] | None:
    """Return a and b where ``node`` computes (a - b) + b, in any order, or b - (b - a)."""
    if node.domain or len(node.inputs) != 2:
        return None
    first, second = node.inputs
    if node.op_type == "Add":
        pairs = [(first, second), (second, first)]
    elif node.op_type == "Sub":
        pairs = [(second, first)]
    else:
        return None
    for difference, b in pairs:
        inner = None if difference is None else difference.producer
        if b is None or inner is None or (inner.domain, inner.op_type) != ("", "Sub"):
            continue
        a = inner.inputs[0 if node.op_type == "Add" else 1]
        if inner.inputs[1 if node.op_type == "Add" else 0] is b and a is not None:
            return a, b
    return None


def cancelled(a: Interval, b: Interval, x: Interval, result: Interval) -> Interval:
    """Return the interval of (a - b) + b where a is one number α.

    Training writes the quantizer's result a so that gradients flow through a smooth b of the same
    x instead. In float32 the sum is α exactly, for every b of the interval, where

    - α = 0: 0 - b = -b, and -b + b = 0;
    - b = 0;
    - α and b have one sign and |α|/2 <= |b| <= 2|α|: α - b is exact (Sterbenz);
    - α and b have one sign, |α| is a power of two and |b| <= 2^24 |α|. Let both be positive. For
      b < α/2 the error of α - b is at most a quarter of α's unit in the last place, half the
      distance from α to the number below it, and ties go to α, whose last bit is 0. For b > 2α, α
      is a multiple of b's unit in the last place and so is b - α < b, which is thus exact.

    It is not α in general: α = 1, b = -1 - 2^-23 gives 1 - 2^-23, and so do sums like (a + b) - b.
    b - (b - a) rounds as (a - b) + b, with both signs changed.

    For |x| >= 2^24 or |b| >= 2^24 the graph gives 0, 2, other rounding errors of b, or NaN; that is
    left out on purpose: there the result is α as it was before training's arithmetic was added.

    Args:
        a: what the quantizer gave.
        b: what the gradients flow through.
        x: what both are functions of.
        result: what interval arithmetic says.
    """
    alpha, low, high = a.lower, b.lower, b.upper
    if alpha.dtype != np.float32 or low.dtype != np.float32:
        return result
    number = a.is_point() & np.isfinite(alpha)
    magnitude = np.abs(alpha)
    least, most = np.minimum(np.abs(low), np.abs(high)), np.maximum(np.abs(low), np.abs(high))
    same_sign = np.where(alpha > 0, low >= 0, high <= 0)
    near = (magnitude / 2 <= least) & (most <= magnitude * 2) & (magnitude >= _SMALLEST)
    power = (np.frexp(magnitude)[0] == 0.5) & (magnitude >= _SMALLEST)
    power &= most <= magnitude * _MANTISSA
    exact = b.known & (
        ((alpha == 0) & np.isfinite(low) & np.isfinite(high))
        | (most == 0)
        | (same_sign & (near | power))
    )
    far = (x.lower >= _MANTISSA) | (x.upper <= -_MANTISSA)
    far |= b.known & ((low >= _MANTISSA) | (high <= -_MANTISSA))
    holds = number & (exact | far)
    return Interval(
        np.where(holds, alpha, result.lower),
        np.where(holds, alpha, result.upper),
        result.known | holds,
    )


_SMALLEST = np.float32(2.0**-100)
"""Far from denormal numbers, units in the last place shrink with the numbers."""
