"""Splits a graph into stages that run natively and steps that run in Python."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.native_ops import why_not_native

__all__ = ["Stage", "split"]


@dataclass(frozen=True)
class Stage:
    """Nodes that run together.

    Attributes:
        nodes: in topological order; a single one where ``reason`` is set.
        reason: why the node is not native, None for a native stage.
    """

    nodes: list[Node]
    reason: str | None


def split(graph: Graph) -> list[Stage]:
    """The stages in execution order.

    A node's level grows by one along every edge between a native and a Python node, so nodes of one
    kind on one level depend on each other only through nodes of the same kind and level: the native
    ones of a level make one program.
    """
    level: dict[int, int] = {}
    reasons: dict[int, str | None] = {}
    native: dict[int, list[Node]] = {}
    python: dict[int, list[Node]] = {}
    for node in graph.nodes:
        reasons[id(node)] = why_not_native(node)
        is_native = reasons[id(node)] is None
        own = 0
        for value in node.reads():
            if value.producer is None:
                continue
            before = value.producer
            crosses = (reasons[id(before)] is None) != is_native
            own = max(own, level[id(before)] + crosses)
        level[id(node)] = own
        (native if is_native else python).setdefault(own, []).append(node)
    stages: list[Stage] = []
    for own in sorted({*native, *python}):
        if own in native:
            stages.append(Stage(native[own], None))
        stages += [Stage([node], reasons[id(node)]) for node in python.get(own, [])]
    return stages
