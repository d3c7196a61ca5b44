"""Interval arithmetic of element-wise ops: what they can give for operands between two bounds.

Every rule takes intervals of the operands and gives one that contains all results. Rounding to the
nearest number is monotone, so the bounds of a sum, product or quotient are what the op itself gives
for bounds of its operands. The arithmetic is ONNX Runtime's: for operands of one number each, the
interval is the very result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Node
from bnn_engine.graph.protobuf import array_dtype
from bnn_engine.passes.intervals import Interval

__all__ = ["DISCONTINUOUS", "ELEMENTWISE", "apply_rule"]

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Rule = Callable[..., Interval]

# Sums and products of integers up to here fit into 32 bits.
_MAX_FACTOR = 2**15


def apply_rule(node: Node, operands: Sequence[Interval | None]) -> Interval:
    """Return the interval of the output of ``node``, one of :data:`ELEMENTWISE`.

    Args:
        node: the op and its attributes.
        operands: intervals of its inputs, None for omitted ones.
    """
    rule = _RULES.get(node.op_type)
    return rule(*operands) if rule else _RULES_WITH_ATTRIBUTES[node.op_type](node, *operands)


def _made(
    lower: Array, upper: Array, operands: Sequence[Interval], undefined: Bools | None = None
) -> Interval:
    """Return the interval of a result.

    Args:
        lower: its least number, or NaN.
        upper: its greatest number, or NaN.
        operands: what it was computed from.
        undefined: where operands that are not points may give NaN between their bounds.
    """
    known, points = np.array(True), np.array(True)
    for operand in operands:
        known, points = known & operand.known, points & operand.is_point()
    uncertain = np.isnan(lower) | np.isnan(upper)
    if undefined is not None:
        uncertain = uncertain | undefined
    known = known & (points | ~uncertain)
    if lower.dtype.kind in "iu":  # they wrap around
        for operand in operands:
            for bound in (operand.lower, operand.upper):
                known = known & (lower.dtype.itemsize >= 4) & (np.abs(bound) <= _MAX_FACTOR)
    return Interval(lower, upper, known)


# -- arithmetic ------------------------------------------------------------------------------------


def _add(a: Interval, b: Interval) -> Interval:
    undefined = a.contains_infinity() & b.contains_infinity()
    return _made(a.lower + b.lower, a.upper + b.upper, (a, b), undefined)


def _negated(a: Interval) -> Interval:
    return Interval(-a.upper, -a.lower, a.known)


def _subtract(a: Interval, b: Interval) -> Interval:
    return _add(a, _negated(b))  # a - b rounds as a + (-b)


def _multiply(a: Interval, b: Interval) -> Interval:
    if a is b:
        return _square(a)
    ends = np.broadcast_arrays(
        a.lower * b.lower, a.lower * b.upper, a.upper * b.lower, a.upper * b.upper
    )
    undefined = (a.contains_zero() & b.contains_infinity()) | (
        b.contains_zero() & a.contains_infinity()
    )
    return _made(np.minimum.reduce(ends), np.maximum.reduce(ends), (a, b), undefined)


def _square(a: Interval) -> Interval:
    magnitude = _absolute(a)
    return _made(magnitude.lower * magnitude.lower, magnitude.upper * magnitude.upper, (a,))


def _power(a: Interval, exponent: Interval) -> Interval:
    """Squares only: other powers depend on the library."""
    made = _square(a)
    squares = exponent.is_point() & (exponent.lower == 2)
    return Interval(made.lower, made.upper, made.known & squares)


def _divide(a: Interval, b: Interval) -> Interval:
    ends = np.broadcast_arrays(
        a.lower / b.lower, a.lower / b.upper, a.upper / b.lower, a.upper / b.upper
    )
    undefined = a.contains_infinity() & b.contains_infinity()
    made = _made(np.minimum.reduce(ends), np.maximum.reduce(ends), (a, b), undefined)
    # The sign of a zero decides, and both zeros are one number here; integers divide otherwise.
    defined = ~b.contains_zero() & (a.lower.dtype.kind == "f")
    return Interval(made.lower, made.upper, made.known & defined)


def _absolute(a: Interval) -> Interval:
    zero = a.lower.dtype.type(0)
    lower = np.maximum(np.maximum(a.lower, -a.upper), zero)
    return Interval(lower, np.maximum(np.abs(a.lower), np.abs(a.upper)), a.known)


# -- monotone functions ----------------------------------------------------------------------------


def _rising(function: Callable[[Array], Array]) -> Rule:
    return lambda a: Interval(function(a.lower), function(a.upper), a.known)


def _leaky(a: Interval, slope: Interval) -> Interval:
    """Negative numbers are multiplied by ``slope``; what falls there is not followed."""

    def function(v: Array) -> Array:
        return np.where(v < 0, v * slope.lower, v)

    made = _made(function(a.lower), function(a.upper), (a, slope))
    rises = slope.is_point() & (slope.lower >= 0) & np.isfinite(slope.lower)
    return Interval(made.lower, made.upper, made.known & rises)


def _leaky_relu(node: Node, a: Interval) -> Interval:
    return _leaky(a, _number(node, "alpha", 0.01, a.lower.dtype))


def _hard_sigmoid(node: Node, a: Interval) -> Interval:
    dtype = a.lower.dtype
    slope, shift = _number(node, "alpha", 0.2, dtype), _number(node, "beta", 0.5, dtype)
    line = _add(_multiply(a, slope), shift)
    return _rising(lambda v: np.clip(v, np.float32(0), np.float32(1)))(line)


def _number(node: Node, attribute: str, default: float, dtype: np.dtype[Any]) -> Interval:
    """An attribute, known where it is of the type of the op."""
    value = node.attributes.get(attribute, default)
    assert isinstance(value, float)
    number = np.full(1, value, np.float32)
    return Interval(number, number, np.array([dtype == np.float32]))


def _saturating(lowest: float, highest: float) -> Rule:
    """Tanh and its like: results lie between bounds, and have the sign of the operand or are 0.

    Libraries differ in their last bits, so no more than that is claimed; Sigmoid is never negative.
    """

    def rule(a: Interval) -> Interval:
        dtype = a.lower.dtype.type
        lower = np.where(a.lower < 0, dtype(lowest), dtype(0))
        upper = np.where((a.upper > 0) | (lowest == 0), dtype(highest), dtype(0))
        nan = np.isnan(a.lower)
        return Interval(np.where(nan, a.lower, lower), np.where(nan, a.upper, upper), a.known)

    return rule


def _cast(node: Node, a: Interval) -> Interval:
    to = node.attributes["to"]
    assert isinstance(to, int)
    dtype = array_dtype(to)
    if dtype == np.bool_:
        zero = (a.lower == 0) & (a.upper == 0)
        return Interval(~a.contains_zero(), ~zero, a.known)
    if dtype is None or dtype.kind not in "fiu" or dtype == np.float16:
        return Interval(a.lower, a.upper, np.zeros_like(a.known))
    if dtype.kind == "f":
        return Interval(a.lower.astype(dtype), a.upper.astype(dtype), a.known)
    # Numbers that do not fit, NaN among them, give what the machine likes.
    least, most = max(np.iinfo(dtype).min, -(2**31)), min(np.iinfo(dtype).max, 2**31 - 1)
    lower, upper = (np.trunc(bound.astype(np.float64)) for bound in (a.lower, a.upper))
    fits = (lower >= least) & (upper <= most)
    lower, upper = (np.where(fits, bound, 0).astype(dtype) for bound in (lower, upper))
    return Interval(lower, upper, a.known & fits)


def _least(*operands: Interval) -> Interval:
    lower, upper = operands[0].lower, operands[0].upper
    for operand in operands[1:]:
        lower, upper = np.minimum(lower, operand.lower), np.minimum(upper, operand.upper)
    return _made(lower, upper, operands)


def _greatest(*operands: Interval) -> Interval:
    lower, upper = operands[0].lower, operands[0].upper
    for operand in operands[1:]:
        lower, upper = np.maximum(lower, operand.lower), np.maximum(upper, operand.upper)
    return _made(lower, upper, operands)


def _clip(a: Interval, low: Interval | None = None, high: Interval | None = None) -> Interval:
    """Where a bound is omitted, infinities stay, or become the greatest number (ONNX Runtime)."""
    made = a
    for bound, pick in ((low, _greatest), (high, _least)):
        if bound is not None:
            picked = pick(made, bound)
            is_number = bound.lower == bound.lower
            made = Interval(picked.lower, picked.upper, picked.known & is_number)
    if made.lower.dtype.kind == "f":
        most = np.finfo(made.lower.dtype).max
        lower = made.lower if high is not None else np.minimum(made.lower, most)
        upper = made.upper if low is not None else np.maximum(made.upper, -most)
        made = Interval(lower, upper, made.known)
    return made


# -- comparisons, logic and selection --------------------------------------------------------------


def _greater(a: Interval, b: Interval) -> Interval:
    return Interval(a.lower > b.upper, a.upper > b.lower, a.known & b.known)


def _greater_or_equal(a: Interval, b: Interval) -> Interval:
    return Interval(a.lower >= b.upper, a.upper >= b.lower, a.known & b.known)


def _equal(a: Interval, b: Interval) -> Interval:
    meet = (a.lower <= b.upper) & (b.lower <= a.upper)
    return Interval(meet & a.is_point() & b.is_point(), meet, a.known & b.known)


def _not(a: Interval) -> Interval:
    return Interval(~a.upper, ~a.lower, a.known)


def _and(a: Interval, b: Interval) -> Interval:
    return Interval(a.lower & b.lower, a.upper & b.upper, a.known & b.known)


def _or(a: Interval, b: Interval) -> Interval:
    return Interval(a.lower | b.lower, a.upper | b.upper, a.known & b.known)


def _xor(a: Interval, b: Interval) -> Interval:
    points, differ = a.is_point() & b.is_point(), a.lower ^ b.lower
    return Interval(points & differ, ~points | differ, a.known & b.known)


def _is_nan(a: Interval) -> Interval:
    return Interval(np.isnan(a.lower), np.isnan(a.upper), a.known)


def _where(condition: Interval, a: Interval, b: Interval) -> Interval:
    always, never = condition.lower, ~condition.upper

    def select(if_always: Array, if_never: Array, otherwise: Array) -> Array:
        return np.where(always, if_always, np.where(never, if_never, otherwise))

    # A number here and NaN there are no interval.
    both_known = a.known & b.known & (a.lower == a.lower) & (b.lower == b.lower)
    return Interval(
        select(a.lower, b.lower, np.minimum(a.lower, b.lower)),
        select(a.upper, b.upper, np.maximum(a.upper, b.upper)),
        condition.known & select(a.known, b.known, both_known),
    )


_RULES: dict[str, Rule] = {
    "Abs": _absolute,
    "Add": _add,
    "And": _and,
    "Atan": _saturating(-1.6, 1.6),
    "Ceil": _rising(np.ceil),
    "Clip": _clip,
    "Div": _divide,
    "Equal": _equal,
    "Erf": _saturating(-1.001, 1.001),
    "Floor": _rising(np.floor),
    "Greater": _greater,
    "GreaterOrEqual": _greater_or_equal,
    "Identity": lambda a: a,
    "IsNaN": _is_nan,
    "Less": lambda a, b: _greater(b, a),
    "LessOrEqual": lambda a, b: _greater_or_equal(b, a),
    "Max": _greatest,
    "Min": _least,
    "Mul": _multiply,
    "Neg": _negated,
    "Not": _not,
    "Or": _or,
    "PRelu": _leaky,
    "Pow": _power,
    "Relu": _rising(lambda v: np.maximum(v, v.dtype.type(0))),
    "Round": _rising(np.rint),
    "Sigmoid": _saturating(0, 1.001),
    "Sign": _rising(np.sign),
    "Sub": _subtract,
    "Tanh": _saturating(-1.001, 1.001),
    "Where": _where,
    "Xor": _xor,
}

_RULES_WITH_ATTRIBUTES: dict[str, Rule] = {
    "Cast": _cast,
    "HardSigmoid": _hard_sigmoid,
    "LeakyRelu": _leaky_relu,
}

ELEMENTWISE = frozenset((*_RULES, *_RULES_WITH_ATTRIBUTES))
"""Op types of the default domain that have a rule."""

DISCONTINUOUS = frozenset(
    {
        "Cast",
        "Ceil",
        "Equal",
        "Floor",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Round",
        "Sign",
    }
)
"""Those that give few values for many: no staircase is without them."""
