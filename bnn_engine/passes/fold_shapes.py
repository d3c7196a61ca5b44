"""Shapes decide constants, and constants shapes."""

from __future__ import annotations

from bnn_engine.graph.graph import Graph
from bnn_engine.passes.base import Pass
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.resolve_shapes import ResolveShapes

__all__ = ["FoldShapes"]


class FoldShapes(Pass):
    """ResolveShapes and FoldConstants in turn, until neither finds anything more.

    A Shape that becomes a constant may be the only thing that a chain of others waited for, whose
    result is the target of an Expand. Every turn but the last folds at least one node.
    """

    def __init__(self) -> None:
        self._resolve, self._fold = ResolveShapes(), FoldConstants()

    def run(self, graph: Graph) -> None:
        """Take turns."""
        while True:
            self._resolve.run(graph)
            graph.remove_dead_nodes()
            before = graph.edits
            self._fold.run(graph)
            if graph.edits == before:
                return
