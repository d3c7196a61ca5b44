"""BinaryGemm: activations of -1, 0, +1 times ±1 weights."""

from __future__ import annotations

from bnn_engine.ops.product import dense_op

__all__ = ["BINARY_GEMM"]

BINARY_GEMM = dense_op(
    "BinaryGemm",
    "y = x @ W.T for x of -1, 0, +1 [N, K] and ±1 weights W [O, K] packed into w. Exact integers.",
)
