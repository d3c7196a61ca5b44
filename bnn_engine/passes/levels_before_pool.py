"""Moves Binarize and Quantize in front of maximum pooling."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.facts import windows_are_inside

__all__ = ["LevelsBeforeMaxPool"]


class LevelsBeforeMaxPool(Rewrite[list[Node]]):
    """f(MaxPool(x)) → MaxPool(f(x)), where f is a Binarize or Quantize that never falls.

    f(max S) = max f(S) for every f that never falls. In every channel, Quantize is such an f where
    its values ascend and its intervals have no upper end, Binarize where it is +1 on an interval
    without one. A maximum leaves NaN out beside numbers and is NaN without any; f(NaN) is the least
    value or NaN, so both sides agree on it, too. The layer in front stores bits instead of floats,
    and the pool reads them.
    """

    op_types = frozenset({"Binarize", "Quantize"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> list[Node] | Declined | None:
        """Return the pools in front of ``node`` that nobody else reads, the first one first."""
        x = node.inputs[0]
        assert x is not None
        pools: list[Node] = []
        while (pool := x.producer) is not None and _is_max_pool(pool):
            if graph.single_consumer(x) is None or not windows_are_inside(pool):
                break
            pools.insert(0, pool)
            source = pool.inputs[0]
            assert source is not None
            x = source
        if not pools:
            return None
        return pools if _never_falls(node) else Declined("it falls somewhere")

    def rewrite(self, graph: Graph, node: Node, match: list[Node]) -> None:
        """Swap the node with the pools."""
        source = match[0].inputs[0]
        assert source is not None
        level = graph.value(f"{node.output.name}_unpooled", node.output.dtype, source.shape)
        inputs = [source, *node.inputs[1:]]
        moved = Node(
            node.op_type, inputs, [level], node.attributes, node.name, DOMAIN, node.origins
        )
        made = [moved]
        for pool in match:
            last = pool is match[-1]
            shape = pool.output.shape
            pooled = graph.value(f"{pool.output.name}_levels", node.output.dtype, shape)
            outputs = node.outputs if last else [pooled]
            made.append(
                Node(
                    "MaxPool",
                    [made[-1].output],
                    outputs,
                    pool.attributes,
                    name=pool.name,
                    origins=pool.origins,
                )
            )
        graph.replace_node(node, made)


def _is_max_pool(node: Node) -> bool:
    return not node.domain and node.op_type == "MaxPool" and len(node.outputs) == 1


def _never_falls(node: Node) -> bool:
    lower, upper = (None if value is None else value.const for value in node.inputs[1:3])
    if lower is None or upper is None:
        return False
    if node.op_type == "Binarize":
        ascends = node.attributes["inside"] == 1.0
    else:
        values = node.attributes["values"]
        assert isinstance(values, list)
        ascends = sorted(values) == values
    empty = lower.astype(np.float32) > upper.astype(np.float32)
    return ascends and bool(((upper == np.inf) | empty).all())
