"""LowBitConv: activations and weights of a few bits, as exact integers."""

from __future__ import annotations

from bnn_engine.ops.convolution import low_bit_convolution_op

__all__ = ["LOW_BIT_CONV"]

LOW_BIT_CONV = low_bit_convolution_op(
    "LowBitConv",
    "y = Conv(q, W) for x = input_offset + input_scale * q up to float32 rounding, q among levels "
    "[N, group * channels, spatial...], and integers W [O, channels, kernel...] packed into w as "
    "UnpackLevels reads them; q = 0 in the padding. Exact integers.",
)
