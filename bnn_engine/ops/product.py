"""What BinaryGemm and BinaryWeightGemm share: arithmetic, shape and body of a dense layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.packing import packed_bytes, unpack_signs

__all__ = ["dense_op"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    weights = unpack_signs(packed, [attributes["features"]])
    # float64 keeps the sums of ±1 exact and those of floats closer than any float32 order.
    with np.errstate(all="ignore"):
        return (x.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.float32)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    features = attributes["features"]
    if features < 1:
        raise ValueError(f"features is {features}")
    if weights is not None and (len(weights) != 2 or weights[1] != packed_bytes(features)):
        raise ValueError(
            f"weights have shape {list(weights)} instead of [outputs, {packed_bytes(features)}]"
        )
    if x is not None and len(x) != 2:
        raise ValueError(f"input has rank {len(x)} instead of 2")
    if x is not None and isinstance(x[1], int) and x[1] != features:
        raise ValueError(f"input has {x[1]} features instead of {features}")
    return (None if x is None else x[0], None if weights is None else weights[0])


def dense_op(name: str, doc: str) -> OpDefinition:
    """Define a dense layer with ±1 weights packed into bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes={"features": "int"},
        body="""
            features = Constant <value_int: int = @features> ()
            first = Constant <value = int64[1] {0}> ()
            row_shape = Unsqueeze (features, first)
            weights = bnn_engine.UnpackSigns (w, row_shape)
            y = Gemm <transB = 1> (x, weights)
        """,
        reference=_reference,
        infer=_infer,
        calls=("UnpackSigns",),
    )
