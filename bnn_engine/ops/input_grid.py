"""The input of low-bit layers: floats that stand for small integers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bnn_engine.ops.definition import Array, AttributeKind, Attributes

__all__ = ["GRID_ATTRIBUTES", "GRID_BODY", "MAX_LEVEL", "check_grid", "integers_of"]

MAX_LEVEL = 15
"""The greatest magnitude of an integer on a grid."""

GRID_ATTRIBUTES: Mapping[str, AttributeKind] = {
    "input_scale": "float",
    "input_offset": "float",
    "levels": "ints",
}
"""x = input_offset + input_scale · q up to the rounding of float32, q among ``levels``."""

GRID_BODY = """
    offset = Constant <value_float: float = @input_offset> ()
    scale = Constant <value_float: float = @input_scale> ()
    moved = Sub (x, offset)
    steps = Div (moved, scale)
    q = Round (steps)
"""
"""Computes q: far from halves, so that rounding errors of x do not matter."""


def check_grid(attributes: Attributes) -> None:
    """Raise ValueError unless GRID_ATTRIBUTES describe a grid."""
    levels = attributes["levels"]
    scale, offset = (np.float32(attributes[name]) for name in ("input_scale", "input_offset"))
    if not (np.isfinite(scale) and scale > 0 and np.isfinite(offset)):
        raise ValueError(f"input_scale is {scale} and input_offset {offset}")
    ascending = all(a < b for a, b in pairwise(levels))
    if not levels or not ascending or max(-levels[0], levels[-1]) > MAX_LEVEL:
        raise ValueError(f"levels are {levels}, not ascending numbers of at most {MAX_LEVEL}")


def integers_of(x: Array, attributes: Attributes) -> NDArray[np.float32]:
    """q of every element of ``x``, as the body computes it."""
    scale, offset = (np.float32(attributes[name]) for name in ("input_scale", "input_offset"))
    with np.errstate(all="ignore"):
        return np.round((x - offset) / scale)
