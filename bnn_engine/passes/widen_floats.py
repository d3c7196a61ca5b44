"""Arithmetic of 16-bit floats as arithmetic of float32."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.graph.protobuf import element_type
from bnn_engine.passes.base import Pass
from bnn_engine.passes.batch_axis import REDUCTIONS

__all__ = ["WidenFloats"]

_WIDENED = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "DeformConv",
        "Einsum",
        "GRU",
        "Gemm",
        "GlobalAveragePool",
        "GlobalLpPool",
        "GlobalMaxPool",
        "GridSample",
        "GroupNormalization",
        "Hardmax",
        "InstanceNormalization",
        "LRN",
        "LSTM",
        "LayerNormalization",
        "LpNormalization",
        "LpPool",
        "MatMul",
        "MaxPool",
        "RMSNormalization",
        "RNN",
        *REDUCTIONS,
        "Resize",
        "RoiAlign",
        "Sign",
    }
)

_HALVES = ("float16", "bfloat16")
_FLOAT32 = np.dtype(np.float32)


class WidenFloats(Pass):
    """f(x) → Cast16(f(Cast32(x))) for f on float16 or bfloat16 that sums, multiplies or compares.

    Every float16 and bfloat16 is a float32, so the operands stay what they are; the result is
    rounded once, at the end of each op, as ONNX Runtime does on CPUs without such arithmetic.
    Element-wise ops have kernels for these types that do the same.

    Cast32(Cast16(Sign(x))) is Sign(x), whose values both types have: so binary layers are found in
    16-bit models as well.
    """

    def run(self, graph: Graph) -> None:
        """Widen in data flow order."""
        wide: dict[int, Value] = {}
        for node in list(graph.nodes):
            if node.domain == "" and node.op_type in _WIDENED:
                half = [v for v in (*node.reads(), *node.outputs) if _is_half(v)]
                if half and not node.captures:
                    _widen(graph, node, wide)


def _is_half(value: Value) -> bool:
    return value.dtype is not None and value.dtype.name in _HALVES


def _widen(graph: Graph, node: Node, wide: dict[int, Value]) -> None:
    """Put ``node`` on float32 between casts; ``wide`` knows the float32 twins of values."""
    made: list[Node] = []
    inputs: list[Value | None] = []
    for value in node.inputs:
        if value is None or not _is_half(value):
            inputs.append(value)
            continue
        if id(value) not in wide:
            wide[id(value)] = _float32_twin(graph, value)
            if value.const is None:
                made.append(_cast(value, wide[id(value)], f"{value.name}_widened"))
        inputs.append(wide[id(value)])
    outputs = [
        graph.value(f"{value.name}_float32", _FLOAT32, value.shape) if _is_half(value) else value
        for value in node.outputs
    ]
    made.append(
        Node(
            node.op_type,
            inputs,
            outputs,
            node.attributes,
            name=node.name,
            domain=node.domain,
            origins=node.origins,
        )
    )
    for value, output in zip(node.outputs, outputs, strict=True):
        if value is output:
            continue
        made.append(_cast(output, value, f"{value.name}_rounded"))
        if node.op_type == "Sign":
            wide[id(value)] = output
    graph.replace_node(node, made)


def _cast(source: Value, target: Value, name: str) -> Node:
    assert target.dtype is not None
    return Node("Cast", [source], [target], {"to": element_type(target.dtype)}, name=name)


def _float32_twin(graph: Graph, value: Value) -> Value:
    name = f"{value.name}_float32"
    if value.const is not None:
        return graph.constant(name, value.const.astype(np.float32))
    return graph.value(name, _FLOAT32, value.shape)
