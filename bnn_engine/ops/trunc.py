"""Trunc of QONNX, versions 1 and 2: drops the least significant bits of quantized numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.broadcasting import broadcast_shapes, check_single
from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape
from bnn_engine.ops.int_quant import INTEGER_RANGE, check_flags, clamp, integer_range
from bnn_engine.ops.rounding import check_rounding_mode, round_to_integer

__all__ = ["TRUNC_V1", "TRUNC_V2", "divisor_by_bits", "divisor_by_scales"]

Floats = NDArray[np.float32]


def divisor_by_bits(in_bitwidth: Array, out_bitwidth: Array) -> Floats:
    """Return 2^(in_bitwidth - out_bitwidth): what version 1 divides by."""
    with np.errstate(all="ignore"):
        bits = in_bitwidth.astype(np.float64) - out_bitwidth.astype(np.float64)
        return np.asarray(2.0**bits, np.float32)


def divisor_by_scales(scale: Array, out_scale: Array) -> Floats:
    """Return the power of two nearest to out_scale / scale: what version 2 divides by."""
    with np.errstate(all="ignore"):
        ratio = (out_scale / scale).astype(np.float64)
        return np.asarray(2.0 ** np.rint(np.log2(ratio)), np.float32)


def _reference_v1(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, scale, zeropt, in_bitwidth, out_bitwidth = inputs
    with np.errstate(all="ignore"):
        code = np.rint(x / scale + zeropt) / divisor_by_bits(in_bitwidth, out_bitwidth)
        rounded = round_to_integer(np.asarray(code, np.float32), attributes["rounding_mode"])
        return np.asarray((rounded - zeropt) * scale, np.float32)


def _reference_v2(inputs: Sequence[Array], attributes: Attributes) -> Array:
    x, scale, zeropt, _, out_scale, out_bitwidth = inputs
    signed, narrow = bool(attributes["signed"]), bool(attributes["narrow"])
    least, greatest = integer_range(out_bitwidth.item(), signed=signed, narrow=narrow)
    with np.errstate(all="ignore"):
        divisor = divisor_by_scales(scale, out_scale)
        code = np.asarray(np.rint(x / scale + zeropt) / divisor, np.float32)
        rounded = round_to_integer(clamp(code, least, greatest), attributes["rounding_mode"])
        return np.asarray((rounded - zeropt / divisor) * out_scale, np.float32)


def _infer_v1(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    check_rounding_mode(attributes)
    return broadcast_shapes(shapes)


def _infer_v2(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    check_flags(attributes)
    check_rounding_mode(attributes)
    check_single("out_bitwidth", shapes[5])
    return broadcast_shapes([*shapes[:3], shapes[4]])


TRUNC_V1 = OpDefinition(
    name="TruncV1",
    doc="y = (round(rint(x / scale + zeropt) / 2^(in_bitwidth - out_bitwidth)) - zeropt) * scale; "
    "as version 1 of Trunc of qonnx.custom_op.general defines it.",
    inputs=(
        ("x", "float"),
        ("scale", "float"),
        ("zeropt", "float"),
        ("in_bitwidth", "float"),
        ("out_bitwidth", "float"),
    ),
    attributes={"rounding_mode": "string"},
    body="""
        in_bits = Cast <to = 11> (in_bitwidth)
        out_bits = Cast <to = 11> (out_bitwidth)
        dropped = Sub (in_bits, out_bits)
        two = Constant <value = double {2}> ()
        divisor_f64 = Pow (two, dropped)
        divisor = Cast <to = 1> (divisor_f64)
        scaled = Div (x, scale)
        shifted = Add (scaled, zeropt)
        integers = Round (shifted)
        code = Div (integers, divisor)
        rounded = bnn_engine.RoundToInteger <rounding_mode: string = @rounding_mode> (code)
        centred = Sub (rounded, zeropt)
        y = Mul (centred, scale)
    """,
    reference=_reference_v1,
    infer=_infer_v1,
    calls=("RoundToInteger",),
)

TRUNC_V2 = OpDefinition(
    name="TruncV2",
    doc="y = (round(clamp(rint(x / scale + zeropt) / d)) - zeropt / d) * out_scale with the power "
    "of two d nearest to out_scale / scale and the integers of out_bitwidth bits; as version 2 of "
    "Trunc of qonnx.custom_op.general defines it, where in_bitwidth does not matter.",
    inputs=(
        ("x", "float"),
        ("scale", "float"),
        ("zeropt", "float"),
        ("in_bitwidth", "float"),
        ("out_scale", "float"),
        ("out_bitwidth", "float"),
    ),
    attributes={"narrow": "int", "rounding_mode": "string", "signed": "int"},
    body=f"""
        bits = Squeeze (out_bitwidth)
        {INTEGER_RANGE}
        ratio = Div (out_scale, scale)
        ratio_f64 = Cast <to = 11> (ratio)
        log_ratio = Log (ratio_f64)
        log_two = Log (two_f64)
        exponent = Div (log_ratio, log_two)
        power = Round (exponent)
        divisor_f64 = Pow (two_f64, power)
        divisor = Cast <to = 1> (divisor_f64)
        scaled = Div (x, scale)
        shifted = Add (scaled, zeropt)
        integers = Round (shifted)
        code = Div (integers, divisor)
        too_high = Greater (code, greatest)
        lowered = Where (too_high, greatest, code)
        too_low = Less (lowered, least)
        clamped = Where (too_low, least, lowered)
        rounded = bnn_engine.RoundToInteger <rounding_mode: string = @rounding_mode> (clamped)
        out_zeropt = Div (zeropt, divisor)
        centred = Sub (rounded, out_zeropt)
        y = Mul (centred, out_scale)
    """,
    reference=_reference_v2,
    infer=_infer_v2,
    calls=("RoundToInteger",),
)
