"""What the convolutions of the domain share: arithmetic, shape and body."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.definition import Array, AttributeKind, Attributes, OpDefinition, Shape
from bnn_engine.ops.input_grid import GRID_ATTRIBUTES, GRID_BODY, check_grid, integers_of
from bnn_engine.ops.packing import packed_bytes, unpack_signs
from bnn_engine.ops.unpack_levels import CODE_ATTRIBUTES, check_packed_levels, code_of
from bnn_engine.ops.weight_code import unpack_levels

__all__ = ["convolution_op", "convolve", "low_bit_convolution_op"]

_ATTRIBUTES: Mapping[str, AttributeKind] = {
    "channels": "int",
    "group": "int",
    "kernel_shape": "ints",
    "strides": "ints",
    "pads": "ints",
    "dilations": "ints",
}

_ROW_SHAPE = """
    channels = Constant <value_int: int = @channels> ()
    kernel = Constant <value_ints: ints = @kernel_shape> ()
    first = Constant <value = int64[1] {0}> ()
    channels_1d = Unsqueeze (channels, first)
    row_shape = Concat <axis = 0> (channels_1d, kernel)
"""

_CONV = """Conv <group: int = @group, kernel_shape: ints = @kernel_shape,
                  strides: ints = @strides, pads: ints = @pads, dilations: ints = @dilations>"""


def output_extent(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """Return the number of window positions along an axis of ``size``, 0 or less if none fits."""
    return (size + sum(pads) - dilation * (kernel - 1) - 1) // stride + 1


def convolve(x: Array, weights: NDArray[np.float32], attributes: Attributes) -> Array:
    """Conv(x, weights) along any number of spatial axes."""
    kernel, strides = attributes["kernel_shape"], attributes["strides"]
    dilations, pads = attributes["dilations"], attributes["pads"]
    group, rank = attributes["group"], len(attributes["kernel_shape"])
    around = [(pads[axis], pads[axis + rank]) for axis in range(rank)]
    # float64 keeps the sums of ±1 exact and those of floats closer than any float32 order.
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), *around))
    reach = [
        dilation * (extent - 1) + 1 for dilation, extent in zip(dilations, kernel, strict=True)
    ]
    spatial = tuple(range(2, 2 + rank))
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=spatial)
    steps = [slice(None, None, step) for step in (*strides, *dilations)]
    windows = windows[(slice(None), slice(None), *steps)]  # [N, C, outputs..., kernel...]
    taps = list(range(2 + rank, 2 + 2 * rank))
    with np.errstate(all="ignore"):
        sums = [
            np.tensordot(channels, filters, axes=([1, *taps], list(range(1, 2 + rank))))
            for channels, filters in zip(
                np.split(windows, group, axis=1),
                np.split(weights.astype(np.float64), group),
                strict=True,
            )
        ]  # [N, outputs..., O / group] each
        together = np.moveaxis(np.concatenate(sums, axis=-1), -1, 1)
        return np.ascontiguousarray(together, dtype=np.float32)


def _sign_reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    _infer_signs([x.shape, packed.shape], attributes)
    row_shape = [attributes["channels"], *attributes["kernel_shape"]]
    return convolve(x, unpack_signs(packed, row_shape), attributes)


def _low_bit_reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    _infer_low_bit([x.shape, packed.shape], attributes)
    row_shape = [attributes["channels"], *attributes["kernel_shape"]]
    weights = unpack_levels(packed, code_of(attributes), row_shape)
    return convolve(integers_of(x, attributes), weights, attributes)


def _infer_signs(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    length = _row_length(attributes)
    expected = packed_bytes(length)
    if weights is not None and (len(weights) != 2 or weights[1] != expected):
        raise ValueError(f"weights have shape {list(weights)} instead of [outputs, {expected}]")
    return _infer(x, None if weights is None else weights[0], attributes)


def _infer_low_bit(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    length = _row_length(attributes)
    check_grid(attributes)
    check_packed_levels(weights, attributes, length)
    return _infer(x, None if weights is None else weights[1], attributes)


def _row_length(attributes: Attributes) -> int:
    """Weights of one output channel; raises ValueError where the attributes make no window."""
    channels, group, kernel = (attributes[name] for name in ("channels", "group", "kernel_shape"))
    strides, dilations, pads = (attributes[name] for name in ("strides", "dilations", "pads"))
    rank = len(kernel)
    if not (1 <= rank <= 3 and len(strides) == len(dilations) == rank and len(pads) == 2 * rank):
        raise ValueError(
            "kernel_shape, strides, dilations need one entry for each of 1 to 3 axes, pads two"
        )
    if min(channels, group) < 1 or min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        raise ValueError(
            "channels, group, kernel_shape, strides, dilations must be positive, pads not negative"
        )
    return int(channels * math.prod(kernel))


def _infer(x: Shape | None, num_outputs: int | str | None, attributes: Attributes) -> Shape:
    channels, group, kernel = (attributes[name] for name in ("channels", "group", "kernel_shape"))
    strides, dilations, pads = (attributes[name] for name in ("strides", "dilations", "pads"))
    rank = len(kernel)
    if isinstance(num_outputs, int) and num_outputs % group:
        raise ValueError(f"{group} groups do not divide {num_outputs} outputs")
    if x is None:
        return (None, num_outputs, *[None] * rank)
    if len(x) != 2 + rank:
        raise ValueError(f"input has rank {len(x)} instead of {2 + rank}")
    if isinstance(x[1], int) and x[1] != channels * group:
        raise ValueError(f"input has {x[1]} channels instead of {channels * group}")
    spatial: list[int | None] = []
    for axis, extent in enumerate(x[2:]):
        if not isinstance(extent, int):
            spatial.append(None)
            continue
        around = (pads[axis], pads[axis + rank])
        size = output_extent(extent, kernel[axis], strides[axis], dilations[axis], around)
        if size < 1:
            raise ValueError(f"the kernel does not fit into the padded input along axis {axis + 2}")
        spatial.append(size)
    return (x[0], num_outputs, *spatial)


def convolution_op(name: str, doc: str) -> OpDefinition:
    """Define a convolution with ±1 weights packed into bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes=_ATTRIBUTES,
        body=f"""
            {_ROW_SHAPE}
            weights = bnn_engine.UnpackSigns (w, row_shape)
            y = {_CONV} (x, weights)
        """,
        reference=_sign_reference,
        infer=_infer_signs,
        calls=("UnpackSigns",),
    )


def low_bit_convolution_op(name: str, doc: str) -> OpDefinition:
    """Define a convolution of small integers with weights in planes of bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes={**_ATTRIBUTES, **GRID_ATTRIBUTES, **CODE_ATTRIBUTES},
        body=f"""
            {GRID_BODY}
            {_ROW_SHAPE}
            weights = bnn_engine.UnpackLevels <weight_shifts: ints = @weight_shifts,
                weight_constant: int = @weight_constant, weight_halved: int = @weight_halved>
                (w, row_shape)
            y = {_CONV} (q, weights)
        """,
        reference=_low_bit_reference,
        infer=_infer_low_bit,
        calls=("UnpackLevels",),
    )
