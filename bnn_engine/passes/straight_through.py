"""What straight-through estimators leave in exported graphs: (a - b) + b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_engine.graph.graph import Node, Value
from bnn_engine.passes.intervals import Interval

__all__ = ["Estimator", "cancelled", "straight_through"]


@dataclass(frozen=True)
class Estimator:
    """A sum in which b cancels.

    Attributes:
        a: what the quantizer gave.
        b: what the gradients flow through.
        subtracts_first: whether it is (a - b) + b or b - (b - a); else (a + b) - b.
    """

    a: Value
    b: Value
    subtracts_first: bool


def straight_through(node: Node) -> Estimator | None:
    """Return the estimator that ``node`` completes, the operands of sums in any order."""
    if node.domain or node.op_type not in ("Add", "Sub"):
        return None
    first, second = node.inputs
    assert first is not None
    assert second is not None
    if node.op_type == "Add":
        for difference, b in ((first, second), (second, first)):
            terms = _terms(difference, "Sub")
            if terms is not None and terms[1] is b:
                return Estimator(terms[0], b, subtracts_first=True)
        return None
    terms = _terms(second, "Sub")
    if terms is not None and terms[0] is first:
        return Estimator(terms[1], first, subtracts_first=True)
    terms = _terms(first, "Add")
    if terms is not None and any(term is second for term in terms):
        a = terms[1] if terms[0] is second else terms[0]
        return Estimator(a, second, subtracts_first=False)
    return None


def _terms(value: Value, op_type: str) -> tuple[Value, Value] | None:
    """Operands of the sum or difference that gives ``value``."""
    node = value.producer
    if node is None or (node.domain, node.op_type) != ("", op_type):
        return None
    first, second = node.inputs
    return None if first is None or second is None else (first, second)


def cancelled(estimator: Estimator, a: Interval, b: Interval, x: Interval) -> Interval:
    """Return α where a is the one number α and b cancels, and what is not known elsewhere.

    Training writes the quantizer's result a so that gradients flow through a smooth b of the same x
    instead. In float32, with u = 2^-24,

    - for α = 0 the result is 0: 0 - b = -b, and -b + b = 0;
    - for b = 0 it is α;
    - (a - b) + b is α where α and b have one sign, |α| is a power of two and |b| <= 2^24 |α|. Let
      both be positive. For b < α/2 the error of α - b is at most a quarter of α's unit in the last
      place, half the distance from α to the number below it, and ties go to α, whose last bit is 0.
      For α/2 <= b <= 2α, α - b is exact. For b > 2α, α is a multiple of b's unit in the last place
      and so is b - α < b, which is thus exact;
    - it is α up to 6u |α| where |b| <= 4 |α|: u |α ± b| <= 5u |α| for the first operation and u |α|
      for the second. α = 1, b = -1 - 2^-23 gives 1 - 2^-23, for one. Such noise is treated as that
      in weights is (:mod:`sign_rows`): a sum over the elements rounds as much.

    b - (b - a) rounds as (a - b) + b does. For |x| >= 2^24 or |b| >= 2^24 the graph gives 0, 2,
    other remains of b, or NaN. That is left out on purpose: the result is α there, as it was before
    the estimator was added.

    Args:
        estimator: the form of the sum.
        a: the operand of that name.
        b: the operand of that name.
        x: what both are functions of.
    """
    alpha, low, high = a.lower, b.lower, b.upper
    if alpha.dtype != np.float32 or low.dtype != np.float32:
        return Interval(alpha, alpha, np.zeros_like(a.known))
    magnitude, most = np.abs(alpha), np.maximum(np.abs(low), np.abs(high))
    same_sign = np.where(alpha > 0, low >= 0, high <= 0)
    # Far from denormal numbers, units in the last place shrink with the numbers.
    power = (np.frexp(magnitude)[0] == 0.5) & (magnitude >= np.float32(2.0**-100))
    exact = power & same_sign & (most <= magnitude * _LIMIT) & estimator.subtracts_first
    near = most <= 4 * magnitude
    vanishes = (alpha == 0) & np.isfinite(most)
    far = (x.lower >= _LIMIT) | (x.upper <= -_LIMIT)
    far |= b.known & ((low >= _LIMIT) | (high <= -_LIMIT))
    holds = far | (b.known & (exact | near | vanishes))
    return Interval(alpha, alpha, a.is_point() & np.isfinite(alpha) & holds)


_LIMIT = np.float32(2**24)
