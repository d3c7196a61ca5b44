"""Trunc in terms of Quantize or of standard ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.ops.trunc import divisor_by_bits, divisor_by_scales
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.chain import Chain, does_nothing
from bnn_engine.passes.int_quant import add_codes
from bnn_engine.passes.rounding import add_rounding

__all__ = ["Truncs"]


@dataclass(frozen=True)
class _Match:
    """Operands: what the codes are divided by, and how they are scaled in the end."""

    x: Value
    scale: Value
    zeropt: Value
    divisor: NDArray[np.float32]
    out_zeropt: NDArray[Any]
    out_scale: Value
    out_bitwidth: float | None


class Truncs(Rewrite[_Match]):
    """TruncV1, TruncV2 → Div(s), Add(z), Round, Div(d), code, Sub(z'), Mul(s').

    That is their definition, with d, z' and s' being

        V1    2^(in bits - out bits)               z        s
        V2    power of two nearest to s' / s       z / d    the output's scale

    The code rounds; that of V2 is also limited to the output's bits and becomes what
    :class:`~bnn_engine.passes.int_quant.IntQuants` makes of it. All operands that decide d and z'
    must be constant.
    """

    op_types = frozenset({"TruncV1", "TruncV2"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the operands of the steps."""
        del graph
        x, scale, zeropt, in_bits, *rest = node.inputs
        assert x is not None
        assert scale is not None
        assert zeropt is not None
        operands = (scale, zeropt, in_bits, *rest)
        constants = [None if value is None else value.const for value in operands]
        s, z, given_bits, *others = constants
        if s is None or z is None or given_bits is None or any(c is None for c in others):
            return Declined("its parameters are not constant")
        if node.op_type == "TruncV1":
            (out_bits,) = others
            assert out_bits is not None
            return _Match(x, scale, zeropt, divisor_by_bits(given_bits, out_bits), z, scale, None)
        out_s, out_bits = others
        assert out_s is not None
        assert out_bits is not None
        if np.isnan(out_bits).any():
            return Declined("its bit width is NaN")
        divisor = divisor_by_scales(s, out_s)
        with np.errstate(all="ignore"):
            out_z = z.astype(np.float32, copy=False) / divisor
        out_scale = rest[0]
        assert out_scale is not None
        return _Match(x, scale, zeropt, divisor, out_z, out_scale, float(out_bits.item()))

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the steps in its place."""
        chain, shape = Chain(graph, node, match.x), match.x.shape
        if not does_nothing(match.scale, 1, shape):
            chain.step("Div", match.scale)
        has_zeropt = not does_nothing(match.zeropt, 0, shape)
        if has_zeropt:
            chain.step("Add", match.zeropt)
        chain.step("Round").step("Div", match.divisor)
        if match.out_bitwidth is None:
            mode = node.attributes["rounding_mode"]
            assert isinstance(mode, str)
            add_rounding(chain, mode)
        else:
            add_codes(chain, graph, node, match.out_bitwidth, node.attributes)
        if has_zeropt:
            chain.step("Sub", match.out_zeropt)
        if not does_nothing(match.out_scale, 1, shape):
            chain.step("Mul", match.out_scale)
        chain.replace()
