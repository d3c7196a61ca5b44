"""What the dense layers of the domain share: arithmetic, shape and body."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.input_grid import GRID_ATTRIBUTES, GRID_BODY, check_grid, integers_of
from bnn_engine.ops.packing import packed_bytes, unpack_signs
from bnn_engine.ops.unpack_levels import CODE_ATTRIBUTES, check_packed_levels, code_of
from bnn_engine.ops.weight_code import unpack_levels

__all__ = ["dense_op", "low_bit_dense_op"]

_ROW_SHAPE = """
    features = Constant <value_int: int = @features> ()
    first = Constant <value = int64[1] {0}> ()
    row_shape = Unsqueeze (features, first)
"""


def _multiply(x: Array, weights: NDArray[np.float32]) -> Array:
    # float64 keeps the sums of ±1 exact and those of floats closer than any float32 order.
    with np.errstate(all="ignore"):
        return (x.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.float32)


def _sign_reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    return _multiply(x, unpack_signs(packed, [attributes["features"]]))


def _low_bit_reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, packed = inputs
    weights = unpack_levels(packed, code_of(attributes), [attributes["features"]])
    return _multiply(integers_of(x, attributes), weights)


def _infer_signs(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    features = _features(attributes)
    if weights is not None and (len(weights) != 2 or weights[1] != packed_bytes(features)):
        raise ValueError(
            f"weights have shape {list(weights)} instead of [outputs, {packed_bytes(features)}]"
        )
    return _infer(x, None if weights is None else weights[0], features)


def _infer_low_bit(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    x, weights = shapes
    features = _features(attributes)
    check_grid(attributes)
    check_packed_levels(weights, attributes, features)
    return _infer(x, None if weights is None else weights[1], features)


def _features(attributes: Attributes) -> int:
    features: int = attributes["features"]
    if features < 1:
        raise ValueError(f"features is {features}")
    return features


def _infer(x: Shape | None, num_outputs: int | str | None, features: int) -> Shape:
    if x is not None and len(x) != 2:
        raise ValueError(f"input has rank {len(x)} instead of 2")
    if x is not None and isinstance(x[1], int) and x[1] != features:
        raise ValueError(f"input has {x[1]} features instead of {features}")
    return (None if x is None else x[0], num_outputs)


def dense_op(name: str, doc: str) -> OpDefinition:
    """Define a dense layer with ±1 weights packed into bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes={"features": "int"},
        body=f"""
            {_ROW_SHAPE}
            weights = bnn_engine.UnpackSigns (w, row_shape)
            y = Gemm <transB = 1> (x, weights)
        """,
        reference=_sign_reference,
        infer=_infer_signs,
        calls=("UnpackSigns",),
    )


def low_bit_dense_op(name: str, doc: str) -> OpDefinition:
    """Define a dense layer of small integers with weights in planes of bits."""
    return OpDefinition(
        name=name,
        doc=doc,
        inputs=(("x", "float"), ("w", "uint8")),
        attributes={"features": "int", **GRID_ATTRIBUTES, **CODE_ATTRIBUTES},
        body=f"""
            {GRID_BODY}
            {_ROW_SHAPE}
            weights = bnn_engine.UnpackLevels <weight_shifts: ints = @weight_shifts,
                weight_constant: int = @weight_constant, weight_halved: int = @weight_halved>
                (w, row_shape)
            y = Gemm <transB = 1> (q, weights)
        """,
        reference=_low_bit_reference,
        infer=_infer_low_bit,
        calls=("UnpackLevels",),
    )
