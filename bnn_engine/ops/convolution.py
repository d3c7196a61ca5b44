"""What BinaryConv and BinaryWeightConv share: arithmetic, shape and body of a convolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.packing import packed_bytes, unpack_signs

__all__ = ["convolution_op"]


def output_extent(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """Return the number of window positions along an axis of ``size``, 0 or less if none fits."""
    return (size + sum(pads) - dilation * (kernel - 1) - 1) // stride + 1


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    kernel, strides = attributes["kernel_shape"], attributes["strides"]
    dilations, pads = attributes["dilations"], attributes["pads"]
    shape = _infer([x.shape, packed.shape], attributes)
    assert shape is not None
    weights = unpack_signs(packed, [attributes["channels"], *kernel])
    group = attributes["group"]
    # float64 keeps the sums of ±1 exact and those of floats closer than any float32 order.
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    reach = [
        dilation * (extent - 1) + 1 for dilation, extent in zip(dilations, kernel, strict=True)
    ]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    windows = windows[
        :, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]
    ]  # [N, C, OH, OW, KH, KW]
    with np.errstate(all="ignore"):
        sums = [
            np.tensordot(channels, filters, axes=([1, 4, 5], [1, 2, 3]))
            for channels, filters in zip(
                np.split(windows, group, axis=1),
                np.split(weights.astype(np.float64), group),
                strict=True,
            )
        ]  # [N, OH, OW, O / group] each
        together = np.concatenate(sums, axis=-1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(together, dtype=np.float32)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    channels, group, kernel = (attributes[name] for name in ("channels", "group", "kernel_shape"))
    strides, dilations = attributes["strides"], attributes["dilations"]
    pads = attributes["pads"]
    if not (len(kernel) == len(strides) == len(dilations) == 2 and len(pads) == 4):
        raise ValueError("kernel_shape, strides, dilations need 2 entries and pads 4")
    if min(channels, group) < 1 or min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        raise ValueError(
            "channels, group, kernel_shape, strides, dilations must be positive, pads not negative"
        )
    num_outputs = None if weights is None else weights[0]
    if weights is not None:
        expected = packed_bytes(channels * kernel[0] * kernel[1])
        if len(weights) != 2 or weights[1] != expected:
            raise ValueError(f"weights have shape {list(weights)} instead of [outputs, {expected}]")
        if isinstance(num_outputs, int) and num_outputs % group:
            raise ValueError(f"{group} groups do not divide {num_outputs} outputs")
    if x is None:
        return (None, num_outputs, None, None)
    if len(x) != 4:
        raise ValueError(f"input has rank {len(x)} instead of 4")
    if isinstance(x[1], int) and x[1] != channels * group:
        raise ValueError(f"input has {x[1]} channels instead of {channels * group}")
    spatial: list[int | None] = []
    for axis, extent in enumerate(x[2:]):
        if not isinstance(extent, int):
            spatial.append(None)
            continue
        size = output_extent(
            extent, kernel[axis], strides[axis], dilations[axis], (pads[axis], pads[axis + 2])
        )
        if size < 1:
            raise ValueError(f"the kernel does not fit into the padded input along axis {axis + 2}")
        spatial.append(size)
    return (x[0], num_outputs, *spatial)


def convolution_op(name: str, doc: str) -> OpDefinition:
    """Define a 2-D convolution with ±1 weights packed into bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes={
            "channels": "int",
            "group": "int",
            "kernel_shape": "ints",
            "strides": "ints",
            "pads": "ints",
            "dilations": "ints",
        },
        body="""
            channels = Constant <value_int: int = @channels> ()
            kernel = Constant <value_ints: ints = @kernel_shape> ()
            first = Constant <value = int64[1] {0}> ()
            channels_1d = Unsqueeze (channels, first)
            row_shape = Concat <axis = 0> (channels_1d, kernel)
            weights = bnn_engine.UnpackSigns (w, row_shape)
            y = Conv <group: int = @group, kernel_shape: ints = @kernel_shape,
                      strides: ints = @strides, pads: ints = @pads,
                      dilations: ints = @dilations> (x, weights)
        """,
        reference=_reference,
        infer=_infer,
        calls=("UnpackSigns",),
    )
