"""Triangles of matrices as selections by a constant mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["MaskTriangles"]

# A mask takes a byte an element of the matrix.
_MAX_ELEMENTS = 2**24


class MaskTriangles(Rewrite[NDArray[np.bool_]]):
    """Trilu(x, k) → Where(mask, x, 0), the mask being the triangle of a matrix of ones.

    Both select elements and compute nothing, so infinities and NaN stay what they are.
    """

    op_types = frozenset({"Trilu"})

    def match(self, graph: Graph, node: Node) -> NDArray[np.bool_] | Declined | None:
        """Return the mask, which needs the extents of the matrices and a constant diagonal."""
        del graph
        x, k = node.input(0), node.input(1)
        if x is None or x.shape is None or len(x.shape) < 2 or x.dtype is None:
            return Declined("the type of the matrix is not known")
        rows, columns = x.shape[-2:]
        if not isinstance(rows, int) or not isinstance(columns, int):
            return Declined("the extents of the matrix are not known")
        if rows * columns > _MAX_ELEMENTS:
            return Declined("the matrix is too large for a mask")
        if k is not None and (k.const is None or k.const.size != 1):
            return Declined("the diagonal is not constant")
        if x.dtype.kind not in "biuf":
            return Declined(f"there is no zero of type {x.dtype}")
        diagonal = 0 if k is None or k.const is None else int(k.const.reshape(()))
        diagonal = min(max(diagonal, -rows), columns)  # further away nothing changes
        ones = np.ones((rows, columns), np.bool_)
        upper = node.attributes.get("upper", 1)
        return np.triu(ones, diagonal) if upper else np.tril(ones, diagonal)

    def rewrite(self, graph: Graph, node: Node, match: NDArray[np.bool_]) -> None:
        """Replace the node."""
        x = node.inputs[0]
        assert x is not None
        assert x.dtype is not None
        mask = graph.constant(f"{node.output.name}_mask", match)
        zero = graph.constant(f"{node.output.name}_zero", np.zeros((), x.dtype))
        graph.replace_node(
            node,
            [Node("Where", [mask, x, zero], [node.output], name=node.name, origins=node.origins)],
        )
