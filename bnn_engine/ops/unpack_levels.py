"""UnpackLevels: planes of bits to small integers, for the bodies of ops with low-bit weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bnn_engine.ops.definition import Array, AttributeKind, Attributes, OpDefinition, Shape
from bnn_engine.ops.packing import packed_bytes
from bnn_engine.ops.weight_code import WeightCode, unpack_levels

__all__ = [
    "CODE_ATTRIBUTES",
    "UNPACK_LEVELS",
    "check_packed_levels",
    "code_attributes",
    "code_of",
]

CODE_ATTRIBUTES: Mapping[str, AttributeKind] = {
    "weight_shifts": "ints",
    "weight_constant": "int",
    "weight_halved": "int",
}
"""A :class:`WeightCode` as attributes of a node."""


def code_attributes(code: WeightCode) -> dict[str, Any]:
    """``code`` as CODE_ATTRIBUTES."""
    return {
        "weight_shifts": list(code.shifts),
        "weight_constant": code.constant,
        "weight_halved": int(code.halved),
    }


def code_of(attributes: Attributes) -> WeightCode:
    """Undo :func:`code_attributes`.

    Raises:
        ValueError: they make no code.
    """
    if attributes["weight_halved"] not in (0, 1):
        raise ValueError(f"weight_halved is {attributes['weight_halved']}, not 0 or 1")
    code = WeightCode(
        tuple(attributes["weight_shifts"]),
        attributes["weight_constant"],
        bool(attributes["weight_halved"]),
    )
    problem = code.problem()
    if problem is not None:
        raise ValueError(problem)
    return code


def check_packed_levels(shape: Shape | None, attributes: Attributes, num_elements: int) -> None:
    """Raise ValueError unless ``shape`` is that of packed rows of ``num_elements``."""
    planes = len(code_of(attributes).shifts)
    expected = packed_bytes(num_elements)
    if shape is not None and (
        len(shape) != 3 or shape[0] not in (planes, None) or shape[2] not in (expected, None)
    ):
        raise ValueError(
            f"weights have shape {list(shape)} instead of [{planes}, outputs, {expected}]"
        )


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    packed, row_shape = inputs
    return unpack_levels(packed, code_of(attributes), [int(extent) for extent in row_shape])


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    del shapes  # the shape is the value of the second input
    code_of(attributes)
    return None


UNPACK_LEVELS = OpDefinition(
    name="UnpackLevels",
    doc="Unpacks small integers: y[o] = (weight_constant + sum over q of 2^weight_shifts[q] * "
    "UnpackSigns(w[q])[o]) / (2 if weight_halved else 1); row_shape is the shape of one row of y.",
    inputs=(("w", "uint8"), ("row_shape", "int64")),
    attributes=CODE_ATTRIBUTES,
    body="""
        begin = Constant <value = int64[1] {0}> ()
        second = Constant <value = int64[1] {1}> ()
        third = Constant <value = int64[1] {2}> ()
        end = Constant <value = int64[1] {3}> ()
        rest = Constant <value = int64[1] {-1}> ()
        w_shape = Shape (w)
        planes = Slice (w_shape, begin, second)
        outputs = Slice (w_shape, second, third)
        bytes = Slice (w_shape, third, end)
        rows_shape = Concat <axis = 0> (rest, bytes)
        rows = Reshape (w, rows_shape)
        signs = bnn_engine.UnpackSigns (rows, row_shape)
        stacked_shape = Concat <axis = 0> (planes, rest)
        stacked = Reshape (signs, stacked_shape)
        shifts = Constant <value_ints: ints = @weight_shifts> ()
        shifts_unsigned = Cast <to = 13> (shifts)
        one = Constant <value = uint64 {1}> ()
        powers_unsigned = BitShift <direction = "LEFT"> (one, shifts_unsigned)
        powers = Cast <to = 1> (powers_unsigned)
        powers_row = Unsqueeze (powers, begin)
        sums = MatMul (powers_row, stacked)
        constant = Constant <value_int: int = @weight_constant> ()
        constant_float = Cast <to = 1> (constant)
        moved = Add (sums, constant_float)
        halved = Constant <value_int: int = @weight_halved> ()
        halved_float = Cast <to = 1> (halved)
        unit = Constant <value = float {1}> ()
        divisor = Add (halved_float, unit)
        levels = Div (moved, divisor)
        full_shape = Concat <axis = 0> (outputs, row_shape)
        y = Reshape (levels, full_shape)
    """,
    reference=_reference,
    infer=_infer,
    calls=("UnpackSigns",),
)
