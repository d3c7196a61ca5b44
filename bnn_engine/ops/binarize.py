"""Binarize: two values by an interval per channel; every sign and comparison becomes one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["BINARIZE"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, lower, upper = inputs
    inside = np.float32(attributes["inside"])
    y = np.where((lower <= x) & (x <= upper), inside, -inside)
    return np.where(np.isnan(x), x, y) if attributes["nan_passes"] else y


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, *bounds = shapes
    if attributes["inside"] not in (1.0, -1.0):
        raise ValueError(f"inside is {attributes['inside']}, not 1 or -1")
    if attributes["nan_passes"] not in (0, 1):
        raise ValueError(f"nan_passes is {attributes['nan_passes']}, not 0 or 1")
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
    doc="y = inside where lower <= x <= upper, else -inside. inside is 1 or -1. NaN gives -inside, "
    "as comparisons do, or NaN with nan_passes = 1, as Sign does. lower and upper are scalars or "
    "vary along axis 1 of x only ([C] for rank 2, [C, 1, 1] for rank 4); lower = +inf, upper = "
    "-inf is the empty interval.",
    inputs=(("x", "float"), ("lower", "float"), ("upper", "float")),
    attributes={"inside": "float", "nan_passes": "int"},
    body="""
        above = GreaterOrEqual (x, lower)
        below = LessOrEqual (x, upper)
        within = And (above, below)
        then = Constant <value_float: float = @inside> ()
        other = Neg (then)
        bipolar = Where (within, then, other)
        passes = Constant <value_int: int = @nan_passes> ()
        passes_bool = Cast <to = 9> (passes)
        nan = IsNaN (x)
        kept = And (nan, passes_bool)
        y = Where (kept, x, bipolar)
    """,
    reference=_reference,
    infer=_infer,
)
