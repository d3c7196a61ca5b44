"""Where the inputs of layers are a few levels on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_engine.graph.graph import Value
from bnn_engine.passes.facts import describe, possible_values, uniform_value
from bnn_engine.passes.grids import InputGrid, input_grids

__all__ = ["QuantizedInput", "quantized_inputs", "why_not_quantized"]


@dataclass(frozen=True)
class QuantizedInput:
    """A tensor that is ``factor`` · ``x``, where ``x`` lies on ``grid``."""

    x: Value
    grid: InputGrid
    factor: np.float32


def quantized_inputs(value: Value) -> list[QuantizedInput]:
    """``value`` as numbers on grids, cheapest first, its uniform factors split off.

    A factor leaves the sums of a layer, so that what is multiplied by it stays packed in bits.
    """
    factor = np.float32(1)
    while (found := _split_factor(value)) is not None:
        value, number = found
        factor *= number
    values = possible_values(value)
    if values is None or not np.isfinite(factor) or factor == 0:
        return []
    return [QuantizedInput(value, grid, np.float32(factor)) for grid in input_grids(values)]


def why_not_quantized(value: Value) -> str:
    """Why ``value`` has no few levels, as reasons of layers say it."""
    reason, node = f"input is not quantized: {describe(value)}", value.producer
    if node is not None and node.domain == "" and node.op_type in ("Add", "Div", "Mul", "Sub"):
        levels = [possible_values(v) for v in node.inputs if v is not None and v.const is None]
        if len(levels) == 1 and levels[0] is not None:
            return f"{reason}, whose operand differs between the terms of a sum"
    return reason


def _split_factor(value: Value) -> tuple[Value, np.float32] | None:
    """The other operand of a Mul or Div by a uniform number, where it is quantized."""
    node = value.producer
    if node is None or node.domain or node.op_type not in ("Mul", "Div"):
        return None
    for index, number in enumerate(map(uniform_value, node.inputs)):
        other = node.inputs[1 - index]
        if number is None or number == 0 or other is None or other.shape != value.shape:
            continue
        if node.op_type == "Div" and index == 0:
            continue
        if possible_values(other) is None:
            continue
        factor = np.float32(number)
        return other, np.float32(1) / factor if node.op_type == "Div" else factor
    return None
