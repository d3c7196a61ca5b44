"""Removes nodes that hand their input on."""

from __future__ import annotations

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.graph.protobuf import array_dtype
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["RemoveIdentity"]


class RemoveIdentity(Rewrite[Value]):
    """Identity(x) = Dropout(x) in inference = Cast(x, type of x) = Reshape(x, shape of x) = x."""

    op_types = frozenset({"Cast", "Dropout", "Identity", "Reshape"})

    def match(self, graph: Graph, node: Node) -> Value | Declined | None:
        """Return the input that may take the place of the output."""
        source = node.input(0)
        if source is None:
            return None
        if node.op_type == "Cast":
            to = node.attributes["to"]
            assert isinstance(to, int)
            if source.dtype is None or source.dtype != array_dtype(to):
                return None
        if node.op_type == "Reshape" and (
            source.shape is None or None in source.shape or source.shape != node.output.shape
        ):
            return None
        if node.op_type == "Dropout":
            training = node.input(2)
            if training is not None and (training.const is None or training.const.any()):
                return Declined("it may be in training mode")
            if any(mask.consumers or graph.is_output(mask) for mask in node.outputs[1:]):
                return Declined("its mask is read")
        if graph.is_output(node.output) and (source.producer is None or graph.is_output(source)):
            return Declined("it gives a graph output its name")
        return source

    def rewrite(self, graph: Graph, node: Node, match: Value) -> None:
        """Let all readers of the output read the input."""
        graph.replace_value(node.output, match)
        graph.remove(node)
