"""Puts the nodes of a sub-graph in the place of the node that has it."""

from __future__ import annotations

from onnx import GraphProto, numpy_helper

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.graph.protobuf import node_from_proto

__all__ = ["inline_subgraph"]


def inline_subgraph(graph: Graph, node: Node, body: GraphProto) -> None:
    """Replace ``node`` by ``body``, a sub-graph without inputs whose outputs are those of ``node``.

    Values of the body get names of their own where the graph has theirs already.
    """
    values = dict(node.captures)
    for tensor in body.initializer:
        values[tensor.name] = graph.constant(tensor.name, numpy_helper.to_array(tensor))
    for proto in body.node:
        made = node_from_proto(graph, proto, values)
        if made is not None:
            graph.insert(graph.nodes.index(node), made)
    for output, result in zip(node.outputs, body.output, strict=True):
        graph.replace_value(output, values[result.name])
    graph.remove(node)
