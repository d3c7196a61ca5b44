"""BipolarQuant in terms of Binarize."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.chain import Chain, does_nothing

__all__ = ["BipolarQuants"]


class BipolarQuants(Rewrite[Node]):
    """BipolarQuant(x, s) → Mul(Binarize(x, 0, +inf), s); without Mul where s is 1.

    Both are s where x >= 0, -0 included, and -s elsewhere, NaN included.
    """

    op_types = frozenset({"BipolarQuant"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> Node | Declined | None:
        """Every BipolarQuant is rewritten."""
        del graph
        return node

    def rewrite(self, graph: Graph, node: Node, match: Node) -> None:
        """Put Binarize and Mul in its place."""
        x, scale = match.inputs
        assert x is not None
        assert scale is not None
        zero, infinity = np.zeros(1, np.float32), np.full(1, np.inf, np.float32)
        chain = Chain(graph, node, x).insert(
            lambda value, outputs: binarize_node(
                graph, value, zero, infinity, 1.0, outputs, node.name
            )
        )
        if not does_nothing(scale, 1, x.shape):
            chain.step("Mul", scale)
        chain.replace()
