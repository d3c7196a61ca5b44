"""IntQuant of QONNX: rounds to the integers of a bit width, times a scale, around a zero point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.broadcasting import broadcast_shapes, check_single
from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.rounding import check_rounding_mode, round_to_integer

__all__ = ["INTEGER_RANGE", "INT_QUANT", "check_flags", "clamp", "integer_range", "quantized_code"]

Floats = NDArray[np.float32]


def integer_range(bitwidth: float, *, signed: bool, narrow: bool) -> tuple[np.float32, np.float32]:
    """Return the least and the greatest number of ``bitwidth`` bits.

    Signed ones run from -2^(b-1) to 2^(b-1) - 1 and unsigned ones from 0 to 2^b - 1; narrow ones
    lack the least signed or the greatest unsigned number. Bit widths that are no integers follow
    the same formula.
    """
    with np.errstate(all="ignore"):
        count = np.float64(2) ** (np.float64(bitwidth) - signed)
        least = narrow - count if signed else np.float64(0)
        greatest = count - 1 - (narrow and not signed)
        return np.float32(least), np.float32(greatest)


def clamp(y: Floats, least: np.float32, greatest: np.float32) -> Floats:
    """Return ``y`` limited to least ... greatest; NaN stays."""
    lowered = np.where(y > greatest, greatest, y)
    return np.where(lowered < least, least, lowered)


def quantized_code(
    x: Floats, scale: Floats, zeropt: Floats, bitwidth: float, attributes: Attributes
) -> Floats:
    """Return the integers that stand for ``x``, in float32 arithmetic step by step.

    One bit with a sign is the special case that the reference executor makes of it: ±1 by the sign
    of x / scale + zeropt.
    """
    signed, narrow = bool(attributes["signed"]), bool(attributes["narrow"])
    with np.errstate(all="ignore"):
        y = np.asarray(x / scale + zeropt, np.float32)
        if signed and bitwidth == 1:
            return np.where(y >= 0, np.float32(1), np.float32(-1))
        least, greatest = integer_range(bitwidth, signed=signed, narrow=narrow)
        return round_to_integer(clamp(y, least, greatest), attributes["rounding_mode"])


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, scale, zeropt, bitwidth = inputs
    code = quantized_code(x, scale, zeropt, bitwidth.item(), attributes)
    with np.errstate(all="ignore"):
        return np.asarray((code - zeropt) * scale, np.float32)


def check_flags(attributes: Attributes) -> None:
    """Raise ValueError unless signed and narrow are 0 or 1."""
    for name in ("signed", "narrow"):
        value: Any = attributes[name]
        if value not in (0, 1):
            raise ValueError(f"{name} is {value}, not 0 or 1")


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    check_flags(attributes)
    check_rounding_mode(attributes)
    check_single("bitwidth", shapes[3])
    return broadcast_shapes(shapes[:3])


INTEGER_RANGE = """
        one_f64 = Constant <value = double {1}> ()
        two_f64 = Constant <value = double {2}> ()
        signed_int = Constant <value_int: int = @signed> ()
        signed_f64 = Cast <to = 11> (signed_int)
        narrow_int = Constant <value_int: int = @narrow> ()
        narrow_f64 = Cast <to = 11> (narrow_int)
        bits_f64 = Cast <to = 11> (bits)
        magnitude_bits = Sub (bits_f64, signed_f64)
        count = Pow (two_f64, magnitude_bits)
        negative_end = Sub (narrow_f64, count)
        least_f64 = Mul (negative_end, signed_f64)
        least = Cast <to = 1> (least_f64)
        unsigned_f64 = Sub (one_f64, signed_f64)
        missing = Mul (unsigned_f64, narrow_f64)
        last = Sub (count, one_f64)
        greatest_f64 = Sub (last, missing)
        greatest = Cast <to = 1> (greatest_f64)
"""
"""Nodes of a body that compute ``least`` and ``greatest`` of the scalar ``bits``."""

INT_QUANT = OpDefinition(
    name="IntQuant",
    doc="y = (round(clamp(x / scale + zeropt)) - zeropt) * scale with the integers of bitwidth "
    "bits; as IntQuant (earlier Quant) of qonnx.custom_op.general defines it. One signed bit gives "
    "±1 by the sign of x / scale + zeropt instead. NaN stays NaN but for one signed bit: -1.",
    inputs=(("x", "float"), ("scale", "float"), ("zeropt", "float"), ("bitwidth", "float")),
    attributes={"narrow": "int", "rounding_mode": "string", "signed": "int"},
    body=f"""
        bits = Squeeze (bitwidth)
        {INTEGER_RANGE}
        zero = Constant <value = float {{0}}> ()
        plus = Constant <value = float {{1}}> ()
        minus = Constant <value = float {{-1}}> ()
        scaled = Div (x, scale)
        shifted = Add (scaled, zeropt)
        too_high = Greater (shifted, greatest)
        lowered = Where (too_high, greatest, shifted)
        too_low = Less (lowered, least)
        clamped = Where (too_low, least, lowered)
        rounded = bnn_engine.RoundToInteger <rounding_mode: string = @rounding_mode> (clamped)
        positive = GreaterOrEqual (shifted, zero)
        bipolar = Where (positive, plus, minus)
        single_bit = Equal (bits, plus)
        is_signed = Cast <to = 9> (signed_int)
        is_bipolar = And (single_bit, is_signed)
        code = Where (is_bipolar, bipolar, rounded)
        centred = Sub (code, zeropt)
        y = Mul (centred, scale)
    """,
    reference=_reference,
    infer=_infer,
    calls=("RoundToInteger",),
)
