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
    """op(x, Expand(c, Shape(x))) → op(x, c), for every op that broadcasts its operands.

    Expand repeats the elements of c along the axes along which broadcasting does, and the result
    has the shape that x and c broadcast to on both sides. The same holds where the extents of
    Expand's output all are known to be those of x, as numbers or as symbols. PyTorch writes
    ``expand_as`` for the learned biases of activations.
    """

    op_types = _BROADCASTING

    def match(self, graph: Graph, node: Node) -> list[int] | Declined | None:
        """Return which inputs are expanded to the shape of another one."""
        del graph
        if not any(_expand(value) for value in node.inputs):
            return None
        # The operand that keeps the shape must not be expanded itself.
        keepers = [value for value in node.inputs if value is not None and _expand(value) is None]
        found = [
            index
            for index, value in enumerate(node.inputs)
            if value is not None and any(_has_shape_of(value, keeper) for keeper in keepers)
        ]
        return found or Declined("no other operand is known to have the expanded shape")

    def rewrite(self, graph: Graph, node: Node, match: list[int]) -> None:
        """Let ``node`` read what was expanded."""
        for index in match:
            expand = _expand(node.inputs[index])
            assert expand is not None
            node.origins = merged_origins(expand, node)
            graph.set_input(node, index, expand.inputs[0])


def _expand(value: Value | None) -> Node | None:
    """The Expand that gives ``value``, None where it is no such node."""
    node = None if value is None else value.producer
    return node if node is not None and (node.domain, node.op_type) == ("", "Expand") else None


def _has_shape_of(value: Value, keeper: Value) -> bool:
    """Whether ``value`` is expanded to the shape of ``keeper``."""
    expand = _expand(value)
    if expand is None:
        return False
    if value.shape is not None and value.shape == keeper.shape and None not in value.shape:
        return True
    target = expand.inputs[1]
    shape = None if target is None else target.producer
    return (
        shape is not None
        and (shape.domain, shape.op_type) == ("", "Shape")
        and shape.inputs[0] is keeper
        and shape.attributes.get("start", 0) == 0
        and "end" not in shape.attributes
    )
