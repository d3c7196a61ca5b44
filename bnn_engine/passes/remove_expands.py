"""Removes Expand in front of ops that broadcast."""

from __future__ import annotations

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.passes.base import Declined, Rewrite, merged_origins

__all__ = ["RemoveExpands"]

_BROADCASTING = frozenset(
    {
        "Add",
        "And",
        "Div",
        "Equal",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Max",
        "Min",
        "Mul",
        "Or",
        "PRelu",
        "Pow",
        "Sub",
        "Where",
        "Xor",
    }
)


class RemoveExpands(Rewrite[list[int]]):
    """op(x, Expand(c, shape of x)) → op(x, c), for every op that broadcasts its operands.

    Broadcasting repeats the elements of c along the axes along which Expand would. The result keeps
    its shape because x has it already: all extents of Expand's output are known to be those of x,
    as numbers or as symbols. PyTorch writes ``expand_as`` for learned biases of activations.
    """

    op_types = _BROADCASTING

    def match(self, graph: Graph, node: Node) -> list[int] | Declined | None:
        """Return which inputs are expanded to the shape of another one."""
        del graph
        if not any(_expanded(value) is not None for value in node.inputs):
            return None
        # The operand that keeps the shape must not be expanded itself.
        keepers = [value for value in node.inputs if value is not None and _expanded(value) is None]
        found = [
            index
            for index, value in enumerate(node.inputs)
            if value is not None
            and _expanded(value) is not None
            and any(_same_known_shape(value, keeper) for keeper in keepers)
        ]
        return found or Declined("no other operand is known to have the expanded shape")

    def rewrite(self, graph: Graph, node: Node, match: list[int]) -> None:
        """Let ``node`` read what was expanded."""
        for index in match:
            value = node.inputs[index]
            assert value is not None
            assert value.producer is not None
            node.origins = merged_origins(value.producer, node)
            graph.set_input(node, index, _expanded(value))


def _expanded(value: Value | None) -> Value | None:
    """What ``value`` repeats the elements of, None where it is no Expand."""
    node = None if value is None else value.producer
    return node.input(0) if node is not None and (node.domain, node.op_type) == ("", "Expand") else None


def _same_known_shape(a: Value, b: Value) -> bool:
    return a.shape is not None and a.shape == b.shape and None not in a.shape
