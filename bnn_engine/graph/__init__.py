"""The graph that importer, passes and lowering share."""

from bnn_engine.graph.graph import Attribute, Dim, Graph, Node, Value

__all__ = ["Attribute", "Dim", "Graph", "Node", "Value"]
