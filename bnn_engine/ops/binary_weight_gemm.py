"""BinaryWeightGemm: float activations times ±1 weights, as in first layers."""

from __future__ import annotations

from bnn_engine.ops.product import dense_op

__all__ = ["BINARY_WEIGHT_GEMM"]

BINARY_WEIGHT_GEMM = dense_op(
    "BinaryWeightGemm",
    "y = x @ W.T for float x [N, K] and ±1 weights W [O, K] packed into w.",
)
