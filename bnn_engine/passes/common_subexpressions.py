"""Merges nodes that compute the same."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.passes.base import Pass, merged_origins
from bnn_engine.passes.fold_constants import NOT_DETERMINISTIC

__all__ = ["CommonSubexpressions"]

# Larger constants are compared by identity: hashing all weights would cost more than it finds.
_MAX_COMPARED_BYTES = 4096


class CommonSubexpressions(Pass):
    """Nodes with equal op, inputs and attributes give equal outputs: the first one serves all.

    Exporters repeat the arithmetic of a module for every use of its input (the Clip of a
    straight-through estimator, say) and write a constant anew for every node that reads it. Small
    constants are therefore compared by their elements, all other inputs by identity. Nodes that
    give random numbers, and nodes with sub-graphs, stay. Where both nodes give a graph output its
    name, both stay.
    """

    def run(self, graph: Graph) -> None:
        """Merge in data flow order, so that whole repeated chains merge in one sweep."""
        first_of: dict[Hashable, Node] = {}
        for node in list(graph.nodes):
            key = _key(node)
            if key is None:
                continue
            first = first_of.setdefault(key, node)
            if first is not node and not _both_named(graph, first, node):
                for old, new in zip(node.outputs, first.outputs, strict=True):
                    graph.replace_value(old, new)
                first.origins = merged_origins(first, node)
                graph.remove(node)


def _both_named(graph: Graph, first: Node, second: Node) -> bool:
    pairs = zip(first.outputs, second.outputs, strict=True)
    return any(graph.is_output(a) and graph.is_output(b) for a, b in pairs)


def _key(node: Node) -> Hashable | None:
    """What equal nodes have in common, None for nodes that are never merged."""
    if node.op_type in NOT_DETERMINISTIC or node.captures:
        return None
    attributes = []
    for name, attribute in sorted(node.attributes.items()):
        hashable = _hashable(attribute)
        if hashable is None:
            return None
        attributes.append((name, hashable))
    inputs = tuple(_identity(value) for value in node.inputs)
    return node.domain, node.op_type, inputs, tuple(attributes), len(node.outputs)


def _identity(value: Value | None) -> Hashable:
    if value is None or value.const is None or value.const.nbytes > _MAX_COMPARED_BYTES:
        return id(value)
    return _hashable(value.const)


def _hashable(attribute: Attribute) -> Hashable | None:
    if isinstance(attribute, np.ndarray):
        # Arrays of Python strings have pointers as their bytes.
        elements = attribute.tobytes() if attribute.dtype != object else str(attribute.tolist())
        return attribute.dtype.str, attribute.shape, elements
    if isinstance(attribute, list):
        return tuple(attribute)
    # 1 and 1.0 and True are equal as Python numbers, and not as attributes.
    return (
        (type(attribute), attribute) if isinstance(attribute, int | float | str | bytes) else None
    )
