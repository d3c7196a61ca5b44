"""Pads signs instead of the numbers that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN, OPS
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.facts import padding_value
from bnn_engine.passes.merge_pads import frame_of

__all__ = ["PadAfterBinarize", "PadAfterSign"]


@dataclass(frozen=True)
class _Match:
    x: Value
    pad: Node
    value: np.float32 | None  # None for padding by elements of the tensor


class PadAfterSign(Rewrite[_Match]):
    """f(Pad(x, v)) → Pad(f(x), f(v)) for an f that acts on every element alone.

    With per-channel bounds f(v) must be the same in every channel, and no channel may be added.
    Padding by elements of x itself (edge, reflect, wrap) takes those of f(x). Signs then are a
    frame of packed pixels, or padding of a layer where f(v) = 0.
    """

    op_types = frozenset({"Sign"})

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the Pad in front of ``node`` that nobody else reads."""
        padded = node.input(0)
        pad = None if padded is None else padded.producer
        if padded is None or pad is None or pad.domain or pad.op_type != "Pad":
            return None
        if graph.single_consumer(padded) is not node:
            return Declined("the padded numbers are read elsewhere")
        per_channel = any(
            value is None or value.const is None or value.const.size > 1
            for value in node.inputs[1:]
        )
        if per_channel and isinstance(frame_of(pad), str):
            return Declined("channels are padded")
        x = pad.inputs[0]
        assert x is not None
        if pad.attributes.get("mode", "constant") != "constant":
            return _Match(x, pad, None)
        number = padding_value(pad)
        if number is None:
            return Declined("the padding is not constant")
        signs = self._values_at(node, number)
        if signs is None or signs.size == 0 or not (signs == signs.flat[0]).all():
            return Declined("the padding gives different signs")
        return _Match(x, pad, np.float32(signs.flat[0]))

    def _values_at(self, node: Node, number: float) -> NDArray[np.float32] | None:
        """f(number), in every channel; None where the bounds are not constant."""
        del node
        return np.sign(np.full(1, number, np.float32))

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Swap both nodes."""
        inner = graph.value(f"{node.output.name}_unpadded", node.output.dtype, match.x.shape)
        first = Node(
            node.op_type,
            [match.x, *node.inputs[1:]],
            [inner],
            dict(node.attributes),
            name=node.name,
            domain=node.domain,
            origins=node.origins,
        )
        operands = list(match.pad.inputs[1:])
        if match.value is not None:
            constant = graph.constant(f"{node.output.name}_padding", np.array(match.value))
            operands[1:2] = [constant]
        second = Node(
            "Pad",
            [inner, *operands],
            node.outputs,
            dict(match.pad.attributes),
            name=match.pad.name,
            origins=merged_origins(match.pad),
        )
        graph.replace_node(node, [first, second])


class PadAfterBinarize(PadAfterSign):
    """The same for Binarize and Quantize."""

    op_types = frozenset({"Binarize", "Quantize"}) & frozenset(OPS)
    domain = DOMAIN

    def _values_at(self, node: Node, number: float) -> NDArray[np.float32] | None:
        bounds = [value.const for value in node.inputs[1:] if value is not None]
        arrays = [bound for bound in bounds if bound is not None]
        if len(arrays) != len(bounds):
            return None
        channels, rank = max(b.size for b in arrays), max(b.ndim for b in arrays)
        x = np.full((1, channels, *[1] * (rank - 1)), number, np.float32)
        return OPS[node.op_type].reference([x, *arrays], node.attributes).astype(np.float32)
