"""Sub-graphs among node attributes (If, Loop, Scan): what they read from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

__all__ = ["captured_names", "rename_captures", "subgraphs"]


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Return the graphs that are attributes of ``node``."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def _own_names(graph: onnx.GraphProto) -> set[str]:
    names = {value.name for value in graph.input}
    names.update(tensor.name for tensor in graph.initializer)
    names.update(tensor.values.name for tensor in graph.sparse_initializer)
    names.update(name for node in graph.node for name in node.output)
    return names


def captured_names(graph: onnx.GraphProto) -> list[str]:
    """Names that ``graph`` reads but does not define, in order of first use."""
    own = _own_names(graph)
    found: dict[str, None] = {}
    for node in graph.node:
        read = [name for name in node.input if name]
        for inner in subgraphs(node):
            read.extend(captured_names(inner))
        found.update((name, None) for name in read if name not in own)
    found.update((output.name, None) for output in graph.output if output.name not in own)
    return list(found)


def rename_captures(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Let ``graph`` read outer values by other names, in place.

    Args:
        graph: a sub-graph.
        names: new name by old name; names that the graph defines itself are left alone.
    """
    own = _own_names(graph)
    outer = {old: new for old, new in names.items() if old not in own}
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = outer.get(name, name)
        for inner in subgraphs(node):
            rename_captures(inner, outer)
    for output in graph.output:
        output.name = outer.get(output.name, output.name)
