"""QuantizeLinear, Clip, DequantizeLinear (QCDQ) in terms of Quantize or of float ops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops.quantize import MAX_LEVELS
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.chain import Chain, does_nothing
from bnn_engine.passes.facts import per_channel_shape
from bnn_engine.passes.level_bounds import level_bounds
from bnn_engine.passes.quantize_node import quantize_node

__all__ = ["QuantizeDequantize"]

Floats = NDArray[np.float32]

# Integers of every type that QuantizeLinear gives and float32 can count exactly.
_LIMITS = {
    name: limits
    for bits in (2, 4, 8, 16)
    for name, limits in (
        (f"int{bits}", (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        (f"uint{bits}", (0, (1 << bits) - 1)),
    )
}


@dataclass(frozen=True)
class _Linear:
    """Scale and zero point of one of the two ops, laid along axis 1 of its input."""

    scale: Floats
    zero: Floats


@dataclass(frozen=True)
class _Match:
    chain: tuple[Node, ...]
    x: Value
    quantize: _Linear
    dequantize: _Linear
    least: int
    greatest: int


class QuantizeDequantize(Rewrite[_Match]):
    """DequantizeLinear(Clip(QuantizeLinear(x, s, z)), s', z') → Div(s), code, Sub(z'), Mul(s').

    QuantizeLinear divides, rounds to the nearest integer, ties to even, adds z and saturates to its
    type; with the Clip, code = clip(rint(y) + z, a, b) of y = x / s. All of that is exact in
    float32. NaN saturates to the least code, as in ONNX Runtime.

    - at most 16 codes: a Quantize, whose bounds search finds with that arithmetic and which gives
      its lowest level for NaN.
    - more: Round, Add(z), Clip in floats, and -inf in the place of NaN before them.
    """

    op_types = frozenset({"DequantizeLinear"})

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the chain in front of a DequantizeLinear."""
        codes = node.input(0)
        nodes = [node]
        least, greatest = -np.inf, np.inf
        while codes is not None and codes.producer is not None:
            producer = codes.producer
            if producer.domain or producer.op_type not in ("Clip", "QuantizeLinear"):
                return None
            nodes.append(producer)
            if producer.op_type == "QuantizeLinear":
                break
            bounds = _clip_bounds(producer)
            if bounds is None:
                return Declined("it is clipped to numbers that are not constant")
            least, greatest = np.clip(bounds, least, greatest)
            codes = producer.input(0)
        first = nodes[-1]
        if first.op_type != "QuantizeLinear":
            return None
        x = first.input(0)
        assert x is not None
        if any(graph.single_consumer(n.output) is None for n in nodes[1:]):
            return Declined("the integers are read as such")
        dtype = first.output.dtype
        if x.dtype != np.float32 or node.output.dtype != np.float32 or dtype is None:
            return Declined(f"it turns {x.dtype} into {node.output.dtype}")
        limits = _LIMITS.get(dtype.name)
        if limits is None:
            return Declined(f"it quantizes to {dtype}")
        quantize, dequantize = (_linear(n, x) for n in (first, node))
        if quantize is None or dequantize is None:
            return Declined("scale or zero point is not constant per tensor or channel")
        if not (quantize.scale > 0).all() or not np.isfinite(quantize.scale).all():
            return Declined("its scale is no positive number")
        if (quantize.zero != quantize.zero.flat[0]).any():
            return Declined("its zero points differ")
        least, greatest = np.clip(limits, least, greatest)
        return _Match(tuple(reversed(nodes)), x, quantize, dequantize, int(least), int(greatest))

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the steps in the place of DequantizeLinear."""
        zero = match.quantize.zero.reshape(-1)[0]
        least, greatest = np.float32(match.least), np.float32(match.greatest)

        def code(y: Floats) -> Floats:
            clipped: Floats = np.clip(np.rint(y) + zero, least, greatest).astype(np.float32)
            return clipped

        scale, zero_out = (
            graph.constant(f"{node.output.name}_{name}", array)
            for name, array in (("scale", match.dequantize.scale), ("zero", match.dequantize.zero))
        )
        chain = Chain(graph, node, match.x)
        few = 1 <= match.greatest - match.least <= MAX_LEVELS
        if not few:
            chain.step("IsNaN", dtype=np.bool_)
            chain.step("Where", np.asarray(-np.inf, np.float32), match.x)
        if (match.quantize.scale != 1).any():
            chain.step("Div", match.quantize.scale)
        if few:
            levels = np.arange(match.least, match.greatest + 1, dtype=np.float32)
            lower, upper = level_bounds(code, levels)
            chain.insert(
                lambda value, outputs: quantize_node(
                    graph, value, lower, upper, levels.tolist(), outputs, node.name
                )
            )
        else:
            chain.step("Round")
            if zero != 0:
                chain.step("Add", np.asarray(zero))
            chain.step("Clip", np.asarray(least), np.asarray(greatest))
        if not does_nothing(zero_out, 0, match.x.shape):
            chain.step("Sub", zero_out)
        if not does_nothing(scale, 1, match.x.shape):
            chain.step("Mul", scale)
        chain.replace(merged_origins(*match.chain))
        for old in reversed(match.chain[:-1]):
            graph.remove(old)


def _clip_bounds(node: Node) -> tuple[float, float] | None:
    """Return the least and greatest number that a Clip gives; None where they are not constant."""
    found = []
    for value, missing in ((node.input(1), -np.inf), (node.input(2), np.inf)):
        if value is not None and (value.const is None or value.const.size != 1):
            return None
        found.append(missing if value is None or value.const is None else float(value.const.item()))
    low, high = found
    return min(low, high), high


def _linear(node: Node, x: Value) -> _Linear | None:
    """Scale and zero point of ``node``; None where they are not constant, or not per channel."""
    if node.attributes.get("block_size", 0):
        return None
    scale, zero = node.input(1), node.input(2)
    if scale is None or scale.const is None or (zero is not None and zero.const is None):
        return None
    if scale.dtype != np.float32:
        return None
    points = np.zeros((), np.float32) if zero is None or zero.const is None else zero.const
    arrays: list[Floats] = []
    for array in (scale.const, points.astype(np.float32)):
        if array.size == 1:
            arrays.append(array.reshape(()).astype(np.float32))
            continue
        axis = node.attributes.get("axis", 1)
        if array.ndim != 1 or x.rank is None or x.rank < 2 or axis not in (1, 1 - x.rank):
            return None
        arrays.append(array.reshape(per_channel_shape(x.rank)).astype(np.float32))
    return _Linear(*arrays)
