"""UnpackSigns: bits to ±1, for the function bodies of the ops with packed weights."""

from __future__ import annotations

from collections.abc import Sequence

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.packing import unpack_signs

__all__ = ["UNPACK_SIGNS"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    del attributes
    bits, row_shape = inputs
    return unpack_signs(bits, [int(extent) for extent in row_shape])


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    del shapes, attributes  # the shape is the value of the second input
    return None


UNPACK_SIGNS = OpDefinition(
    name="UnpackSigns",
    doc="Unpacks ±1 weights: y[o].ravel()[j] = 1 - 2 * (bit j % 8 of w[o, j // 8]); row_shape is "
    "the shape of one row of y.",
    inputs=(("w", "uint8"), ("row_shape", "int64")),
    attributes={},
    body="""
        positions = Constant <value = uint8[8] {0, 1, 2, 3, 4, 5, 6, 7}> ()
        one = Constant <value = uint8 {1}> ()
        last = Constant <value = int64[1] {-1}> ()
        copy_rows = Constant <value = int64[1] {0}> ()
        from = Constant <value = int64[1] {0}> ()
        axis = Constant <value = int64[1] {1}> ()
        bytes = Unsqueeze (w, last)
        shifted = BitShift <direction = "RIGHT"> (bytes, positions)
        bits = BitwiseAnd (shifted, one)
        flat_shape = Concat <axis = 0> (copy_rows, last)
        flat = Reshape (bits, flat_shape)
        count = ReduceProd <keepdims = 1> (row_shape)
        cut = Slice (flat, from, count, axis)
        negative = Cast <to = 1> (cut)
        plus = Constant <value = float {1}> ()
        minus = Constant <value = float {2}> ()
        twice = Mul (negative, minus)
        signs = Sub (plus, twice)
        full_shape = Concat <axis = 0> (copy_rows, row_shape)
        y = Reshape (signs, full_shape)
    """,
    reference=_reference,
    infer=_infer,
)
