"""BinaryWeightConv: float activations times ±1 weights, as in first layers."""

from __future__ import annotations

from bnn_engine.ops.convolution import convolution_op

__all__ = ["BINARY_WEIGHT_CONV"]

BINARY_WEIGHT_CONV = convolution_op(
    "BinaryWeightConv",
    "y = Conv(x, W) for float x [N, group * channels, spatial...] and ±1 weights "
    "W [O, channels, kernel...] packed into w.",
)
