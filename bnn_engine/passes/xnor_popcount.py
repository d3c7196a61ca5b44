"""XnorPopcountMatMul in terms of MatMul."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.chain import Chain

__all__ = ["XnorPopcounts"]


class XnorPopcounts(Rewrite[int]):
    """XnorPopcountMatMul(a, b) → ((2a - 1) @ (2b - 1) + K) / 2, K being the length of a row of a.

    For a and b of 0 and 1, 2a - 1 and 2b - 1 are ±1, and their product is (equal bits) - (different
    bits) = 2 · (equal bits) - K. All steps are exact.
    """

    op_types = frozenset({"XnorPopcountMatMul"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> int | Declined | None:
        """Return the length of the rows, where b is constant."""
        del graph
        b = node.inputs[1]
        assert b is not None
        if b.const is None:
            return Declined("its second operand is not constant")
        return int(b.const.shape[-2])

    def rewrite(self, graph: Graph, node: Node, match: int) -> None:
        """Put the steps in its place."""
        a, b = node.inputs
        assert isinstance(a, Value)
        assert b is not None
        assert b.const is not None
        one, two = np.asarray(1, np.float32), np.asarray(2, np.float32)
        signs = two * b.const.astype(np.float32, copy=False) - one
        chain = Chain(graph, node, a)
        chain.step("Mul", two).step("Sub", one)
        chain.step("MatMul", signs, shape=node.output.shape)
        chain.step("Add", np.asarray(match, np.float32)).step("Mul", np.asarray(0.5, np.float32))
        chain.replace()
