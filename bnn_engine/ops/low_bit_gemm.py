"""LowBitGemm: activations and weights of a few bits, as exact integers."""

from __future__ import annotations

from bnn_engine.ops.product import low_bit_dense_op

__all__ = ["LOW_BIT_GEMM"]

LOW_BIT_GEMM = low_bit_dense_op(
    "LowBitGemm",
    "y = q @ W.T for x = input_offset + input_scale * q up to float32 rounding, q among levels "
    "[N, K], and integers W [O, K] packed into w as UnpackLevels reads them. Exact integers.",
)
