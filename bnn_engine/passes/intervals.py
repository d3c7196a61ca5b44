"""Interval arithmetic of element-wise ops: what they can give for operands between two bounds.

Every rule takes operands as intervals and gives an interval that contains all results. Rounding to
the nearest number is monotone, so the bounds of a sum, product or quotient are what the op itself
gives for bounds of its operands; the arithmetic is that of ONNX Runtime, so that the bounds of
intervals of one number each are the very result.

NaN is the one number of an interval whose bounds both are NaN. An interval whose operands may or
may not give NaN is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Node
from bnn_engine.graph.protobuf import array_dtype

__all__ = ["DISCONTINUOUS", "Interval", "RULES", "point"]

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Rule = Callable[[Node, Sequence["Interval | None"]], "Interval"]

_MAX_FACTOR = 2**15
"""Sums and products of integers up to here fit into 32 bits."""


@dataclass(frozen=True)
class Interval:
    """Bounds of many values at once; arrays broadcast against each other.

    Attributes:
        lower, upper: the bounds, both NaN where the value is NaN.
        known: where the bounds hold; elsewhere the value may be anything.
    """

    lower: Array
    upper: Array
    known: Bools

    def is_point(self) -> Bools:
        """Where the value is one number, or NaN."""
        same = (self.lower == self.upper) | ((self.lower != self.lower) & (self.upper != self.upper))
        return np.asarray(self.known & same)

    def contains_zero(self) -> Bools:
        """Where the value may be 0."""
        return np.asarray((self.lower <= 0) & (self.upper >= 0))

    def contains_infinity(self) -> Bools:
        """Where the value may be infinite; infinities are always bounds."""
        return np.isinf(self.lower) | np.isinf(self.upper)


def point(value: Array) -> Interval:
    """The interval of one known value."""
    return Interval(value, value, np.ones(value.shape, bool))


def _made(
    lower: Array, upper: Array, operands: Sequence[Interval], undefined: Bools | bool = False
) -> Interval:
    """Return the interval of a result.

    Args:
        lower, upper: its bounds.
        operands: what it was computed from.
        undefined: where some of the operands' values, not being their bounds, may give NaN.
    """
    known, points = np.bool_(True), np.bool_(True)
    for operand in operands:
        known, points = known & operand.known, points & operand.is_point()
    uncertain = undefined | np.isnan(lower) | np.isnan(upper)
    known = known & (points | ~uncertain)
    if lower.dtype.kind in "iu":  # they wrap around
        bounds = [bound for operand in operands for bound in (operand.lower, operand.upper)]
        for bound in bounds:
            known = known & (lower.dtype.itemsize >= 4) & (np.abs(bound) <= _MAX_FACTOR)
    return Interval(lower, upper, np.asarray(known))


def _operands(inputs: Sequence[Interval | None]) -> list[Interval]:
    return [interval for interval in inputs if interval is not None]


# -- arithmetic ------------------------------------------------------------------------------------


def _add(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    undefined = a.contains_infinity() & b.contains_infinity()
    return _made(a.lower + b.lower, a.upper + b.upper, (a, b), undefined)


def _negated(a: Interval) -> Interval:
    return Interval(-a.upper, -a.lower, a.known)


def _sub(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    return _add(node, (a, _negated(b)))  # a - b rounds as a + (-b)


def _mul(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    if node.inputs[0] is node.inputs[1]:
        magnitude = _absolute(a)
        return _made(magnitude.lower * magnitude.lower, magnitude.upper * magnitude.upper, (a,))
    ends = np.broadcast_arrays(
        a.lower * b.lower, a.lower * b.upper, a.upper * b.lower, a.upper * b.upper
    )
    undefined = (a.contains_zero() & b.contains_infinity()) | (
        b.contains_zero() & a.contains_infinity()
    )
    return _made(np.minimum.reduce(ends), np.maximum.reduce(ends), (a, b), undefined)


def _div(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    ends = np.broadcast_arrays(
        a.lower / b.lower, a.lower / b.upper, a.upper / b.lower, a.upper / b.upper
    )
    undefined = a.contains_infinity() & b.contains_infinity()
    made = _made(np.minimum.reduce(ends), np.maximum.reduce(ends), (a, b), undefined)
    # The sign of a zero decides, and both zeros are one number here.
    return Interval(made.lower, made.upper, made.known & ~b.contains_zero())


def _absolute(a: Interval) -> Interval:
    lower = np.maximum(np.maximum(a.lower, -a.upper), a.lower.dtype.type(0))
    return Interval(lower, np.maximum(np.abs(a.lower), np.abs(a.upper)), a.known)


# -- monotone functions of one operand -------------------------------------------------------------


def _rising(function: Callable[[Array], Array]) -> Rule:
    def rule(node: Node, inputs: Sequence[Interval | None]) -> Interval:
        (a,) = _operands(inputs)
        return Interval(function(a.lower), function(a.upper), a.known)

    return rule


def _leaky(slope: Array, a: Interval) -> Interval:
    """Multiply negative numbers by ``slope``, one of at least 0."""

    def function(v: Array) -> Array:
        return np.where(v < 0, v * slope, v)

    rises = np.asarray((slope >= 0) & np.isfinite(slope))
    made = _made(function(a.lower), function(a.upper), (a,))
    return Interval(made.lower, made.upper, made.known & rises)


def _leaky_relu(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    (a,) = _operands(inputs)
    return _leaky(np.asarray(node.attributes.get("alpha", 0.01), np.float32), a)


def _prelu(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, slope = _operands(inputs)
    made = _leaky(slope.lower, a)
    return Interval(made.lower, made.upper, made.known & slope.is_point())


def _keeps_sign(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    """Tanh and its like: results have the sign of x, or are 0, and are less than 2.

    Libraries differ in their last bits, so no more than that is claimed.
    """
    (a,) = _operands(inputs)
    two = a.lower.dtype.type(2)
    return Interval(np.clip(a.lower, -two, 0), np.clip(a.upper, 0, two), a.known)


def _cast(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    (a,) = _operands(inputs)
    to = node.attributes["to"]
    assert isinstance(to, int)
    dtype = array_dtype(to)
    if dtype == np.bool_:
        zero = (a.lower == 0) & (a.upper == 0)
        return Interval(~a.contains_zero(), ~zero, a.known)
    if dtype.kind == "f":
        return Interval(a.lower.astype(dtype), a.upper.astype(dtype), a.known)
    if dtype.kind not in "iu":
        return Interval(a.lower, a.upper, np.zeros_like(a.known))
    # Numbers that do not fit, NaN among them, give what the machine likes.
    limit = min(np.iinfo(dtype).max, 2**31 - 1)
    fits = (np.minimum(a.lower, -a.upper) >= -limit) & (np.maximum(-a.lower, a.upper) <= limit)
    lower, upper = (np.where(fits, np.trunc(bound), 0) for bound in (a.lower, a.upper))
    return Interval(lower.astype(dtype), upper.astype(dtype), a.known & fits)


# -- monotone functions of several operands --------------------------------------------------------


def _least(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    operands = _operands(inputs)
    lower, upper = (o.lower for o in operands), (o.upper for o in operands)
    return _made(_reduce(np.minimum, lower), _reduce(np.minimum, upper), operands)


def _greatest(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    operands = _operands(inputs)
    lower, upper = (o.lower for o in operands), (o.upper for o in operands)
    return _made(_reduce(np.maximum, lower), _reduce(np.maximum, upper), operands)


def _reduce(function: Callable[[Array, Array], Array], arrays: Any) -> Array:
    first, *others = arrays
    for other in others:
        first = function(first, other)
    return first


def _clip(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, low, high = (*inputs, None, None)[:3]
    assert a is not None
    made = a
    for bound, pick in ((low, _greatest), (high, _least)):
        if bound is not None:
            picked = pick(node, (made, bound))
            is_number = bound.lower == bound.lower
            made = Interval(picked.lower, picked.upper, picked.known & is_number)
    return made


# -- comparisons, logic and selection --------------------------------------------------------------


def _greater(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    return Interval(a.lower > b.upper, a.upper > b.lower, a.known & b.known)


def _greater_or_equal(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    return Interval(a.lower >= b.upper, a.upper >= b.lower, a.known & b.known)


def _swapped(rule: Rule) -> Rule:
    return lambda node, inputs: rule(node, inputs[::-1])


def _equal(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    meet = (a.lower <= b.upper) & (b.lower <= a.upper)
    return Interval(meet & a.is_point() & b.is_point(), meet, a.known & b.known)


def _not(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    (a,) = _operands(inputs)
    return Interval(~a.upper, ~a.lower, a.known)


def _and(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    return Interval(a.lower & b.lower, a.upper & b.upper, a.known & b.known)


def _or(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    return Interval(a.lower | b.lower, a.upper | b.upper, a.known & b.known)


def _xor(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    a, b = _operands(inputs)
    points = a.is_point() & b.is_point()
    differ = a.lower ^ b.lower
    return Interval(points & differ, ~points | differ, a.known & b.known)


def _is_nan(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    (a,) = _operands(inputs)
    return Interval(np.isnan(a.lower), np.isnan(a.upper), a.known)


def _where(node: Node, inputs: Sequence[Interval | None]) -> Interval:
    condition, a, b = _operands(inputs)
    always, never = condition.lower, ~condition.upper
    either = _made(np.minimum(a.lower, b.lower), np.maximum(a.upper, b.upper), (a, b))
    # Two different numbers are no interval of one number, nor are a number and NaN.
    either = Interval(
        either.lower, either.upper, either.known & (a.lower == a.lower) & (b.lower == b.lower)
    )

    def select(if_always: Array, if_never: Array, otherwise: Array) -> Array:
        return np.where(always, if_always, np.where(never, if_never, otherwise))

    return Interval(
        select(a.lower, b.lower, either.lower),
        select(a.upper, b.upper, either.upper),
        condition.known & select(a.known, b.known, either.known),
    )


RULES: dict[str, Rule] = {
    "Abs": lambda node, inputs: _absolute(*_operands(inputs)),
    "Add": _add,
    "And": _and,
    "Cast": _cast,
    "Ceil": _rising(np.ceil),
    "Clip": _clip,
    "Div": _div,
    "Equal": _equal,
    "Erf": _keeps_sign,
    "Floor": _rising(np.floor),
    "Greater": _greater,
    "GreaterOrEqual": _greater_or_equal,
    "Identity": _rising(lambda v: v),
    "IsNaN": _is_nan,
    "LeakyRelu": _leaky_relu,
    "Less": _swapped(_greater),
    "LessOrEqual": _swapped(_greater_or_equal),
    "Max": _greatest,
    "Min": _least,
    "Mul": _mul,
    "Neg": lambda node, inputs: _negated(*_operands(inputs)),
    "Not": _not,
    "Or": _or,
    "PRelu": _prelu,
    "Relu": _rising(lambda v: np.maximum(v, v.dtype.type(0))),
    "Round": _rising(np.rint),
    "Sign": _rising(np.sign),
    "Sub": _sub,
    "Tanh": _keeps_sign,
    "Where": _where,
    "Xor": _xor,
}
"""Op type of the default domain -> its rule."""

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
"""Ops that can give few values for all the numbers of an interval without bounds."""
