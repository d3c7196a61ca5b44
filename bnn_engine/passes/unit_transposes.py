"""Transposes that only move axes of extent 1 are views."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["UnitTransposes"]


class UnitTransposes(Rewrite[list[int]]):
    """Transpose(x) → Reshape(x, extents of the result) where axes longer than 1 keep their order.

    The elements lie in memory in the order of the axes; one of extent 1 may stand anywhere. Axis 0
    stays where it is: of extent 1, it may be a batch that is yet to be freed.
    """

    op_types = frozenset({"Transpose"})

    def match(self, graph: Graph, node: Node) -> list[int] | Declined | None:
        """Return the target of the Reshape."""
        del graph
        x, order = node.input(0), node.attributes.get("perm")
        if x is None or x.shape is None or not isinstance(order, list) or order[:1] != [0]:
            return None
        if sorted(order) != list(range(len(x.shape))):
            return None
        long = [axis for axis in order if x.shape[axis] != 1]
        if long != sorted(long):
            return None
        target: list[int] = []
        for place, axis in enumerate(order):
            extent = x.shape[axis]
            # 0 copies the input's extent of the same place, a batch of any size for one.
            target.append(0 if place == axis else extent if isinstance(extent, int) else -1)
        if target.count(-1) > 1 or any(extent == 0 for extent in x.shape):
            return Declined("extents of the result are not known")
        return target

    def rewrite(self, graph: Graph, node: Node, match: list[int]) -> None:
        """Put a Reshape in its place."""
        shape = graph.constant(f"{node.output.name}_shape", np.array(match, np.int64))
        made = Node(
            "Reshape", [node.inputs[0], shape], node.outputs, name=node.name, origins=node.origins
        )
        graph.replace_node(node, [made])
