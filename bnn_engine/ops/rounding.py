"""RoundToInteger: the rounding modes of QONNX, for the function bodies of its quantizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["ROUNDING_MODES", "ROUND_TO_INTEGER", "check_rounding_mode", "round_to_integer"]

_HALF = np.float32(0.5)

# Modes named for magnitudes round |x| and give the result the sign of x. Half a unit is added in
# float32 as the reference executor of QONNX does: the number below 0.5 becomes 1 by HALF_UP.
_FUNCTIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "CEIL": np.ceil,
    "DOWN": np.trunc,
    "FLOOR": np.floor,
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - _HALF),
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + _HALF),
    "ROUND": np.rint,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
}

ROUNDING_MODES = tuple(_FUNCTIONS)
"""ROUND is to the nearest, ties to even; UP is away from zero and DOWN towards it."""


def round_to_integer(x: NDArray[np.float32], mode: str) -> NDArray[np.float32]:
    """Round every element of ``x``; each mode is monotone, and NaN and infinities stay."""
    rounded: NDArray[np.float32] = _FUNCTIONS[mode](x).astype(np.float32)
    return rounded


def check_rounding_mode(attributes: Attributes) -> None:
    """Raise ValueError unless the attribute rounding_mode names one of the modes."""
    mode = attributes["rounding_mode"]
    if mode not in ROUNDING_MODES:
        raise ValueError(f"rounding_mode is {mode!r}, none of {', '.join(ROUNDING_MODES)}")


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    return round_to_integer(inputs[0], attributes["rounding_mode"])


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    check_rounding_mode(attributes)
    return shapes[0]


ROUND_TO_INTEGER = OpDefinition(
    name="RoundToInteger",
    doc="Rounds x to integers: ROUND to the nearest, ties to even; CEIL, FLOOR; UP away from zero, "
    "DOWN towards zero; HALF_UP and HALF_DOWN to the nearest, ties away from and towards zero.",
    inputs=(("x", "float"),),
    attributes={"rounding_mode": "string"},
    body="""
        half = Constant <value = float {0.5}> ()
        sign = Sign (x)
        magnitude = Abs (x)
        nearest = Round (x)
        ceil = Ceil (x)
        floor = Floor (x)
        floored = Floor (magnitude)
        down = Mul (sign, floored)
        ceiled = Ceil (magnitude)
        up = Mul (sign, ceiled)
        raised = Add (magnitude, half)
        raised_floor = Floor (raised)
        half_up = Mul (sign, raised_floor)
        lowered = Sub (magnitude, half)
        lowered_ceil = Ceil (lowered)
        half_down = Mul (sign, lowered_ceil)
        mode = Constant <value_string: string = @rounding_mode> ()
        ceil_name = Constant <value_string = "CEIL"> ()
        is_ceil = Equal (mode, ceil_name)
        after_ceil = Where (is_ceil, ceil, nearest)
        floor_name = Constant <value_string = "FLOOR"> ()
        is_floor = Equal (mode, floor_name)
        after_floor = Where (is_floor, floor, after_ceil)
        down_name = Constant <value_string = "DOWN"> ()
        is_down = Equal (mode, down_name)
        after_down = Where (is_down, down, after_floor)
        up_name = Constant <value_string = "UP"> ()
        is_up = Equal (mode, up_name)
        after_up = Where (is_up, up, after_down)
        half_up_name = Constant <value_string = "HALF_UP"> ()
        is_half_up = Equal (mode, half_up_name)
        after_half_up = Where (is_half_up, half_up, after_up)
        half_down_name = Constant <value_string = "HALF_DOWN"> ()
        is_half_down = Equal (mode, half_down_name)
        y = Where (is_half_down, half_down, after_half_up)
    """,
    reference=_reference,
    infer=_infer,
)
