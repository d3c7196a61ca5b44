"""Moves conversions of 8-bit integers to float in front of ops that only move elements."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.passes.base import Declined, Rewrite, merged_origins

__all__ = ["HoistCasts"]

_MOVING = frozenset({"Flatten", "Reshape", "Transpose"})
_NARROW = frozenset(np.dtype(kind) for kind in (np.uint8, np.int8, np.bool_))


class HoistCasts(Rewrite[Node]):
    """Cast(Move(x)) → Move(Cast(x)) for Move = Reshape, Flatten or Transpose.

    Cast acts on every element alone, so it does not matter where the element lies. All ops after
    the Cast are then those of float networks, however early the graph turns to floats.
    """

    op_types = frozenset({"Cast"})

    def match(self, graph: Graph, node: Node) -> Node | Declined | None:
        """Return the op that only moves elements in front of a Cast to float."""
        moved = node.input(0)
        move = None if moved is None else moved.producer
        if moved is None or move is None or move.domain or move.op_type not in _MOVING:
            return None
        if moved.dtype not in _NARROW or node.output.dtype != np.float32:
            return None
        if graph.single_consumer(moved) is not node:
            return Declined("the integers are read as such")
        return move

    def rewrite(self, graph: Graph, node: Node, match: Node) -> None:
        """Swap both nodes, and those in front of them while the pattern is there."""
        source = match.input(0)
        assert source is not None
        floats = graph.value(f"{source.name}_float", np.dtype(np.float32), source.shape)
        origins = merged_origins(match, node)
        cast = Node(
            "Cast", [source], [floats], dict(node.attributes), name=node.name, origins=node.origins
        )
        move = Node(
            match.op_type,
            [floats, *match.inputs[1:]],
            [node.output],
            dict(match.attributes),
            name=match.name,
            origins=tuple(origin for origin in origins if origin not in node.origins),
        )
        graph.replace_node(node, [cast, move])
        graph.remove(match)
        further = self.match(graph, cast)
        if isinstance(further, Node):
            self.rewrite(graph, cast, further)
