"""IntQuant in terms of Quantize or of standard ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.ops.int_quant import clamp, integer_range
from bnn_engine.ops.quantize import MAX_LEVELS
from bnn_engine.ops.rounding import round_to_integer
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.chain import Chain, does_nothing
from bnn_engine.passes.level_bounds import level_bounds
from bnn_engine.passes.quantize_node import quantize_node
from bnn_engine.passes.rounding import add_rounding

__all__ = ["IntQuants", "add_codes"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Match:
    x: Value
    scale: Value
    zeropt: Value
    bitwidth: float


class IntQuants(Rewrite[_Match]):
    """IntQuant(x, s, z, b) → Div(s), Add(z), code, Sub(z), Mul(s) with a constant bit width b.

    That is its definition. The code is round(clamp(y)), which gives c_0 < c_1 < … for rising y:

    - at most 16 of them: a Quantize. Level j begins at the least y whose code is c_j, which search
      finds with the op's own arithmetic; NaN passes.
    - more: Clip and the rounding in standard ops.
    - one signed bit: Binarize(y, 0, +inf).

    Steps with s = 1 and z = 0 are left out. Later passes absorb Div and Add into the bounds, per
    channel where the operands are, and Sub and Mul into the values.
    """

    op_types = frozenset({"IntQuant"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return its operands."""
        del graph
        x, scale, zeropt, bitwidth = node.inputs
        assert x is not None
        assert scale is not None
        assert zeropt is not None
        assert bitwidth is not None
        if bitwidth.const is None:
            return Declined("its bit width is not constant")
        bits = float(bitwidth.const.item())
        return Declined("its bit width is NaN") if isnan(bits) else _Match(x, scale, zeropt, bits)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the steps in its place."""
        chain = Chain(graph, node, match.x)
        shape = match.x.shape
        has_scale = not does_nothing(match.scale, 1, shape)
        has_zeropt = not does_nothing(match.zeropt, 0, shape)
        if has_scale:
            chain.step("Div", match.scale)
        if has_zeropt:
            chain.step("Add", match.zeropt)
        if node.attributes["signed"] and match.bitwidth == 1:
            zero, infinity = np.zeros(1, np.float32), np.full(1, np.inf, np.float32)
            chain.insert(
                lambda value, outputs: binarize_node(
                    graph, value, zero, infinity, 1.0, outputs, node.name
                )
            )
        else:
            add_codes(chain, graph, node, match.bitwidth, node.attributes)
        if has_zeropt:
            chain.step("Sub", match.zeropt)
        if has_scale:
            chain.step("Mul", match.scale)
        chain.replace()


def add_codes(
    chain: Chain, graph: Graph, node: Node, bitwidth: float, attributes: Mapping[str, Any]
) -> None:
    """Add the steps from a scaled number to its code, as :class:`IntQuants` describes them."""
    signed, narrow = bool(attributes["signed"]), bool(attributes["narrow"])
    mode: str = attributes["rounding_mode"]
    found = _levels(bitwidth, signed, narrow, mode)
    if found is not None:
        levels, lower, upper = found
        values = levels.tolist()
        chain.insert(
            lambda value, outputs: quantize_node(
                graph, value, lower, upper, values, outputs, node.name, nan_passes=True
            )
        )
    else:
        least, greatest = integer_range(bitwidth, signed=signed, narrow=narrow)
        chain.step("Clip", np.asarray(least), np.asarray(greatest))
        add_rounding(chain, mode)


@lru_cache(maxsize=64)  # a network repeats one quantizer in every layer
def _levels(
    bitwidth: float, signed: bool, narrow: bool, mode: str
) -> tuple[Floats, Floats, Floats] | None:
    """Return the codes and the bounds of all but the first, None where they are not 2 to 16."""
    least, greatest = integer_range(bitwidth, signed=signed, narrow=narrow)

    def code(y: Floats) -> Floats:
        return round_to_integer(clamp(y, least, greatest), mode)

    first, last = code(np.array([-np.inf, np.inf], np.float32))
    if not 1 <= last - first <= MAX_LEVELS:
        return None
    levels = np.arange(first, last + 1, dtype=np.float32)
    return levels, *level_bounds(code, levels)
