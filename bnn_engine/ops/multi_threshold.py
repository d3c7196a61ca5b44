"""MultiThreshold of FINN: counts how many thresholds of its channel an element reaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["MULTI_THRESHOLD", "channel_axis"]


def channel_axis(axis: int, rank: int) -> int:
    """Return the axis of the channels of a tensor of ``rank``, of the attribute ``axis``."""
    if axis == 0:
        return 2 if rank == 3 else 1
    return min(axis, rank - 1)


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, thresholds = inputs
    axis = channel_axis(attributes["axis"], x.ndim)
    behind = [1] * (x.ndim - 1 - axis)
    count = np.zeros(x.shape, np.float32)
    for level in thresholds.T:
        count += x >= level.reshape(-1, *behind)
    with np.errstate(all="ignore"):
        scaled = np.float32(attributes["out_scale"]) * count
        return np.asarray(scaled + np.float32(attributes["out_bias"]), np.float32)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, thresholds = shapes
    axis = attributes["axis"]
    if axis < 0:
        raise ValueError(f"axis is {axis}")
    if thresholds is not None and len(thresholds) != 2:
        raise ValueError(f"thresholds have shape {list(thresholds)} instead of [channels, levels]")
    if thresholds is not None and 0 in thresholds:
        raise ValueError(f"thresholds have shape {list(thresholds)}: there are none")
    if x is None or thresholds is None:
        return x
    if len(x) < 2:
        raise ValueError(f"input has rank {len(x)} and thus no channels")
    given, channels = x[channel_axis(axis, len(x))], thresholds[0]
    if isinstance(given, int) and isinstance(channels, int) and channels not in (1, given):
        raise ValueError(f"thresholds are for {channels} channels, the input has {given}")
    return x


MULTI_THRESHOLD = OpDefinition(
    name="MultiThreshold",
    doc="y = out_scale * (number of b with x >= thresholds[c, b]) + out_bias, c being the channel "
    "of x, or 0 where thresholds has one row; as MultiThreshold of qonnx.custom_op.general defines "
    "it. NaN reaches no threshold. axis is that of the channels, the last one where it is beyond "
    "it; 0 leaves it to the rank: 2 for rank 3, 1 for all others.",
    inputs=(("x", "float"), ("thresholds", "float")),
    attributes={"axis": "int", "out_bias": "float", "out_scale": "float"},
    # Thresholds become [levels, 1 ..., channels, 1 ...], with one axis more than x, and are
    # compared with x along the first.
    body="""
        zero = Constant <value = int64[1] {0}> ()
        one = Constant <value = int64[1] {1}> ()
        two = Constant <value = int64[1] {2}> ()
        three = Constant <value = int64[1] {3}> ()
        x_shape = Shape (x)
        rank = Shape (x_shape)
        given = Constant <value_int: int = @axis> ()
        has_rank_3 = Equal (rank, three)
        by_rank = Where (has_rank_3, two, one)
        is_left_open = Equal (given, zero)
        wanted = Where (is_left_open, by_rank, given)
        last = Sub (rank, one)
        axis = Min (wanted, last)
        before = ConstantOfShape <value = int64[1] {1}> (axis)
        num_behind = Sub (last, axis)
        behind = ConstantOfShape <value = int64[1] {1}> (num_behind)
        channels = Shape <start = 0, end = 1> (thresholds)
        levels = Shape <start = 1, end = 2> (thresholds)
        aligned = Concat <axis = 0> (levels, before, channels, behind)
        by_level = Transpose <perm = [1, 0]> (thresholds)
        bounds = Reshape (by_level, aligned)
        reached = GreaterOrEqual (x, bounds)
        counted = Cast <to = 1> (reached)
        count = ReduceSum <keepdims = 0> (counted, zero)
        scale = Constant <value_float: float = @out_scale> ()
        scaled = Mul (scale, count)
        bias = Constant <value_float: float = @out_bias> ()
        y = Add (scaled, bias)
    """,
    reference=_reference,
    infer=_infer,
)
