"""Moves scales of quantized values behind ops that only select elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.facts import possible_values, uniform_value, windows_are_inside

__all__ = ["SinkFactors"]

_SELECTING = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


@dataclass(frozen=True)
class _Match:
    x: Value
    factor: np.float32
    chain: tuple[Node, ...]


class SinkFactors(Rewrite[_Match]):
    """f(x · s) → f(x) · s, for x of few values, s > 0 and an f that selects elements.

    Reshaping and moving elements commutes with every function of an element; a maximum does so with
    multiplication by a positive number, which rounding leaves monotone. Then x stays packed in bits
    up to the layer that reads it, and s leaves that layer's sum.
    """

    op_types = frozenset({"Mul"})

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the selecting ops behind a product of a quantized value and a positive number."""
        for index, number in enumerate(map(uniform_value, node.inputs)):
            x = node.inputs[1 - index]
            if number is None or x is None or x.shape is None or x.shape != node.output.shape:
                continue
            if x.const is not None or not 0 < np.float32(number) < np.inf:
                continue
            chain = _selections(graph, node)
            if chain and possible_values(x) is not None:
                return _Match(x, np.float32(number), tuple(chain))
        return None

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the product behind the last one of the selecting ops."""
        last, value = match.chain[-1], match.x
        made: list[Node] = []
        for selection in match.chain:
            output = selection.output
            moved = graph.value(f"{output.name}_unscaled", output.dtype, output.shape)
            made.append(
                Node(
                    selection.op_type,
                    [value, *selection.inputs[1:]],
                    [moved],
                    selection.attributes,
                    selection.name,
                    origins=selection.origins,
                )
            )
            value = moved
        factor = graph.constant(f"{last.output.name}_factor", np.array(match.factor, np.float32))
        made.append(Node("Mul", [value, factor], last.outputs, {}, node.name, origins=node.origins))
        graph.replace_node(last, made)


def _selections(graph: Graph, node: Node) -> list[Node]:
    """The selecting ops behind ``node`` that alone read what is in front of them."""
    found: list[Node] = []
    value = node.output
    while (reader := graph.single_consumer(value)) is not None:
        if reader.domain or reader.inputs[0] is not value or len(reader.outputs) != 1:
            break
        if reader.op_type not in _SELECTING and not (
            reader.op_type == "MaxPool" and windows_are_inside(reader)
        ):
            break
        found.append(reader)
        value = reader.output
    return found
