"""Quantize: a few values by nested intervals per channel; every k-bit activation becomes one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["MAX_LEVELS", "QUANTIZE"]

MAX_LEVELS = 15
"""Levels above the lowest one: 4 bits count that far."""


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, lower, upper = inputs
    level = np.zeros(x.shape, np.int64)
    for low, high in zip(lower, upper, strict=True):
        level += (low <= x) & (x <= high)
    y = np.asarray(attributes["values"], np.float32)[level]
    return np.where(np.isnan(x), x, y) if attributes["nan_passes"] else y


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, *bounds = shapes
    values = attributes["values"]
    if not 2 <= len(values) <= MAX_LEVELS + 1 or not np.isfinite(np.float32(values)).all():
        raise ValueError(f"values are {values}, not 2 to {MAX_LEVELS + 1} finite numbers")
    if attributes["nan_passes"] not in (0, 1):
        raise ValueError(f"nan_passes is {attributes['nan_passes']}, not 0 or 1")
    for name, bound in zip(("lower", "upper"), bounds, strict=True):
        if bound is None:
            continue
        if not bound or bound[0] not in (len(values) - 1, None):
            raise ValueError(f"{name} has shape {list(bound)}, not {len(values) - 1} levels")
        if x is None or len(bound) == 1:
            continue
        # Behind the levels only axis 1 of x may vary: [L, C, 1, 1] against [N, C, H, W].
        per_channel = len(bound) == len(x) and all(extent == 1 for extent in bound[2:])
        if not per_channel or (isinstance(x[1], int) and bound[1] not in (1, x[1])):
            raise ValueError(f"{name} has shape {list(bound)}, not per channel of {list(x)}")
    return x


QUANTIZE = OpDefinition(
    name="Quantize",
    doc="y = values[level], where the level of x is how many of the intervals lower[j] <= x <= "
    "upper[j] hold it. Interval j contains interval j + 1 in every channel; lower = +inf, upper = "
    "-inf is the empty interval. NaN gives values[0], as comparisons do, or NaN with nan_passes = "
    "1. lower and upper are [L], or vary along axis 1 of x only ([L, C] for rank 2, [L, C, 1, 1] "
    "for rank 4); values has L + 1 entries, 1 <= L <= 15.",
    inputs=(("x", "float"), ("lower", "float"), ("upper", "float")),
    attributes={"values": "floats", "nan_passes": "int"},
    # The bounds get ones behind their levels until they have one axis more than x, and are
    # compared with x along a new leading axis.
    body="""
        begin = Constant <value = int64[1] {0}> ()
        second = Constant <value = int64[1] {1}> ()
        end = Constant <value = int64[1] {9223372036854775807}> ()
        bounds_shape = Shape (lower)
        levels = Slice (bounds_shape, begin, second)
        channels = Slice (bounds_shape, second, end)
        x_shape = Shape (x)
        rank = Shape (x_shape)
        given = Shape (channels)
        missing = Sub (rank, given)
        ones = ConstantOfShape <value = int64[1] {1}> (missing)
        aligned = Concat <axis = 0> (levels, ones, channels)
        lower_aligned = Reshape (lower, aligned)
        upper_aligned = Reshape (upper, aligned)
        above = GreaterOrEqual (x, lower_aligned)
        below = LessOrEqual (x, upper_aligned)
        within = And (above, below)
        counted = Cast <to = 7> (within)
        level = ReduceSum <keepdims = 0> (counted, begin)
        table = Constant <value_floats: floats = @values> ()
        quantized = Gather (table, level)
        passes = Constant <value_int: int = @nan_passes> ()
        passes_bool = Cast <to = 9> (passes)
        nan = IsNaN (x)
        kept = And (nan, passes_bool)
        y = Where (kept, x, quantized)
    """,
    reference=_reference,
    infer=_infer,
)
