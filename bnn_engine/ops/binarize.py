"""Binarize: two values by an interval per channel; every sign and comparison becomes one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["BINARIZE"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, lower, upper = inputs
    inside = np.float32(attributes["inside"])
    return np.where((lower <= x) & (x <= upper), inside, -inside)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, *bounds = shapes
    if attributes["inside"] not in (1.0, -1.0):
        raise ValueError(f"inside is {attributes['inside']}, not 1 or -1")
    for name, bound in zip(("lower", "upper"), bounds, strict=True):
        if x is None or bound is None or bound == ():
            continue
        # Only axis 1 may vary: [C, 1, 1] against [N, C, H, W].
        per_channel = len(bound) == len(x) - 1 and all(extent == 1 for extent in bound[1:])
        if not per_channel or (isinstance(x[1], int) and bound[0] not in (1, x[1])):
            raise ValueError(f"{name} has shape {list(bound)}, not per channel of {list(x)}")
    return x


BINARIZE = OpDefinition(
    name="Binarize",
    doc="y = inside where lower <= x <= upper, else -inside; NaN gives -inside. inside is 1 or -1. "
    "lower and upper are scalars or vary along axis 1 of x only ([C] for rank 2, [C, 1, 1] for "
    "rank 4); lower = +inf, upper = -inf is the empty interval.",
    inputs=(("x", "float"), ("lower", "float"), ("upper", "float")),
    attributes={"inside": "float"},
    body="""
        above = GreaterOrEqual (x, lower)
        below = LessOrEqual (x, upper)
        within = And (above, below)
        then = Constant <value_float: float = @inside> ()
        other = Neg (then)
        y = Where (within, then, other)
    """,
    reference=_reference,
    infer=_infer,
)
