"""Writes automatic padding as numbers."""

from __future__ import annotations

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.binary_conv import explicit_pads

__all__ = ["ExplicitPadding"]


class ExplicitPadding(Rewrite[list[int]]):
    """auto_pad = SAME_UPPER, SAME_LOWER or VALID → pads, where the input's extents are known.

    SAME pads so that there are ceil(extent / stride) windows, the odd pixel behind (UPPER) or in
    front (LOWER); that many windows also fit without rounding up, so ``ceil_mode`` goes as well.
    """

    op_types = frozenset({"AveragePool", "Conv", "LpPool", "MaxPool"})

    def match(self, graph: Graph, node: Node) -> list[int] | Declined | None:
        """Return the pads of a node that asks for automatic ones."""
        del graph
        if node.attributes.get("auto_pad", "NOTSET") in ("NOTSET", ""):
            return None
        x, w = node.input(0), node.input(1)
        kernel = node.attributes.get("kernel_shape")
        if kernel is None and w is not None and w.shape is not None:
            kernel = list(w.shape[2:])
        if x is None or x.shape is None or not isinstance(kernel, list):
            return Declined("its window is not known")
        if len(x.shape) != len(kernel) + 2 or not all(isinstance(k, int) for k in kernel):
            return Declined("its window is not known")
        pads = explicit_pads(node, x.shape[2:], kernel)
        return Declined("the extents of its input are not known") if pads is None else pads

    def rewrite(self, graph: Graph, node: Node, match: list[int]) -> None:
        """Replace the attribute."""
        del graph
        same = node.attributes.pop("auto_pad") != "VALID"
        node.attributes["pads"] = match
        if same:
            node.attributes.pop("ceil_mode", None)
