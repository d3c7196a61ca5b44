"""BinaryConv: activations of -1, 0, +1 times ±1 weights, padding included as the value 0."""

from __future__ import annotations

from bnn_engine.ops.convolution import convolution_op

__all__ = ["BINARY_CONV"]

BINARY_CONV = convolution_op(
    "BinaryConv",
    "y = Conv(x, W) for x of -1, 0, +1 [N, group * channels, spatial...] and ±1 weights "
    "W [O, channels, kernel...] packed into w; "
    "padding has the value 0, so a sum at the border counts real pixels only. Exact integers.",
)
