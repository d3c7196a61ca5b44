"""Lets layers on 16-bit floats compute in float32."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.graph.protobuf import element_type
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["WidenHalves"]

_HALVES = ("float16", "bfloat16")
_FLOAT32 = np.dtype(np.float32)


class WidenHalves(Rewrite[np.dtype[np.generic]]):
    """f(x) on float16 or bfloat16 → f(x in float32), cast back; f a layer or what follows layers.

    float32 holds every 16-bit float, and the result is rounded once: ONNX leaves open how an op
    rounds inside, and ONNX Runtime computes the ops that it has no 16-bit kernel for in just this
    way. Constants are widened here.
    """

    op_types = frozenset(
        {
            "AveragePool",
            "BatchNormalization",
            "Conv",
            "ConvTranspose",
            "Gemm",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "LRN",
            "LeakyRelu",
            "LogSoftmax",
            "MatMul",
            "MaxPool",
            "PRelu",
            "ReduceMean",
            "Softmax",
        }
    )

    def match(self, graph: Graph, node: Node) -> np.dtype[np.generic] | Declined | None:
        """Return the type that the op computes in."""
        del graph
        dtype = node.output.dtype
        if dtype is None or dtype.name not in _HALVES:
            return None
        if len(node.outputs) > 1 or any(v.dtype is None for v in node.reads()):
            return Declined("it has several outputs, or inputs of unknown type")
        return dtype

    def rewrite(self, graph: Graph, node: Node, match: np.dtype[np.generic]) -> None:
        """Put the op between Casts."""
        casts: dict[int, Node] = {}
        inputs = [
            value if value is None or value.dtype != match else _widened(graph, value, casts, node)
            for value in node.inputs
        ]
        output = node.output
        wide = graph.value(f"{output.name}_float", _FLOAT32, output.shape)
        made = Node(
            node.op_type, inputs, [wide], node.attributes, name=node.name, origins=node.origins
        )
        to: dict[str, Attribute] = {"to": element_type(match)}
        back = Node("Cast", [wide], [output], to, origins=node.origins)
        graph.replace_node(node, [*casts.values(), made, back])


def _widened(graph: Graph, value: Value, casts: dict[int, Node], reader: Node) -> Value:
    """``value`` in float32, by a Cast that is noted in ``casts`` unless it is a constant."""
    if value.const is not None:
        return graph.constant(f"{value.name}_float", value.const.astype(np.float32))
    if id(value) not in casts:
        wide = graph.value(f"{value.name}_float", _FLOAT32, value.shape)
        to: dict[str, Attribute] = {"to": element_type(_FLOAT32)}
        casts[id(value)] = Node("Cast", [value], [wide], to, origins=reader.origins)
    return casts[id(value)].output
