"""Ops that ONNX defines by other ops, written out."""

from __future__ import annotations

import logging

import onnx
import onnx.defs
import onnx.inliner

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.graph.protobuf import from_model, to_model
from bnn_engine.passes.base import Pass

__all__ = ["ExpandFunctions"]

_LOG = logging.getLogger(__name__)

_ALWAYS = frozenset(
    {
        "AffineGrid",
        "Attention",
        "BlackmanWindow",
        "CastLike",
        "CausalConvWithState",
        "CenterCropPad",
        "DynamicQuantizeLinear",
        "HammingWindow",
        "HannWindow",
        "LinearAttention",
        "MeanVarianceNormalization",
        "NegativeLogLikelihoodLoss",
        "RotaryEmbedding",
        "SoftmaxCrossEntropyLoss",
        "SwiGLU",
    }
)

_ROUNDED_BY_PARTS = frozenset({"LogSoftmax", "Softmax"})
"""Ops of 16-bit floats whose reference rounds after each op of the body."""

_HALVES = ("float16", "bfloat16")

_KERNELS = frozenset(
    {
        "DepthToSpace",
        "GroupNormalization",
        "LayerNormalization",
        "RMSNormalization",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceSumSquare",
        "SpaceToDepth",
    }
)
"""Of these the core has kernels for float32 tensors, parameters being constant and extents known;
16-bit floats are computed as float32."""


class ExpandFunctions(Pass):
    """f(x) → the function body that the ONNX standard gives for f.

    Only ops for which the core has no kernel of their own. Bodies may depend on the types and
    shapes of the inputs; where these are not known well enough, the node stays.
    """

    def run(self, graph: Graph) -> None:
        """Expand in data flow order, bodies that call such ops included."""
        waiting = [node for node in graph.nodes if _is_call(node)]
        while waiting:
            made = [new for node in waiting for new in _expand(graph, node)]
            if made:
                infer_shapes(graph)  # what the body of a body looks like may depend on types
            waiting = [node for node in made if _is_call(node)]


def _is_call(node: Node) -> bool:
    if node.domain:
        return False
    if node.op_type in _ROUNDED_BY_PARTS:
        return _type_name(node.input(0)) in _HALVES
    return node.op_type in _ALWAYS or (node.op_type in _KERNELS and not _has_kernel(node))


def _type_name(value: Value | None) -> str | None:
    return None if value is None or value.dtype is None else value.dtype.name


def _has_kernel(node: Node) -> bool:
    x = node.input(0)
    if x is None or x.shape is None or _type_name(x) not in ("float32", *_HALVES):
        return False
    scaled = node.op_type in ("LayerNormalization", "RMSNormalization")
    if not scaled and any(v is not None and v.const is None for v in node.inputs[1:]):
        return False
    known = all(isinstance(extent, int) for extent in x.shape[1:])
    return known and len(node.outputs) == 1


def _expand(graph: Graph, node: Node) -> list[Node]:
    """Put the body of ``node`` in its place; the nodes of the body, none where it stays."""
    body = _body(node, graph.opset)
    if body is None:
        return []
    outer = {value.name: value for value in node.reads()}
    values = {id(value): outer[value.name] for value in body.inputs}
    copies: list[tuple[Value, Value]] = []
    for inner, output in zip(body.outputs, node.outputs, strict=True):
        if inner.producer is None or id(inner) in values:
            copies.append((inner, output))
        else:
            values[id(inner)] = output

    def own(value: Value) -> Value:
        if id(value) not in values:
            name = f"{node.output.name}_{value.name}"
            values[id(value)] = graph.value(name, value.dtype, value.shape, value.const)
        return values[id(value)]

    made = [
        Node(
            inner.op_type,
            [None if value is None else own(value) for value in inner.inputs],
            [own(value) for value in inner.outputs],
            inner.attributes,
            name=f"{node.name or node.output.name}/{inner.name or inner.op_type}",
            domain=inner.domain,
            origins=node.origins,
            captures={name: own(value) for name, value in inner.captures.items()},
        )
        for inner in body.nodes
    ]
    made += [
        Node("Identity", [own(inner)], [output], name=f"{output.name}_copy", origins=node.origins)
        for inner, output in copies
    ]
    graph.replace_node(node, made)
    return made


def _body(node: Node, opset: int) -> Graph | None:
    """The function body of ``node`` as a graph of its inputs and outputs; None if there is none."""
    alone = Graph(opset=opset)
    read = {id(value): value for value in node.reads() if value.const is None}
    alone.inputs, alone.nodes, alone.outputs = list(read.values()), [node], node.outputs
    # Constants are written as inputs: no body depends on their elements.
    call = to_model(alone, is_weight=lambda _: True)
    _write_defaults(call.graph.node[0], opset)
    try:
        inlined = onnx.inliner.inline_selected_functions(
            call, [("", node.op_type)], inline_schema_functions=True
        )
    except Exception as error:  # native code: its exception types are not part of its interface
        _LOG.debug("%r is not expanded: %s", node, error)
        return None
    if any(made.op_type == node.op_type and not made.domain for made in inlined.graph.node):
        return None
    return from_model(inlined)


def _write_defaults(node: onnx.NodeProto, opset: int) -> None:
    """Write out the attributes that ``node`` leaves to their defaults: the inliner drops them."""
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type, opset, "").attributes.items():
        default = attribute.default_value
        if name not in given and default.type != onnx.AttributeProto.UNDEFINED:
            node.attribute.append(default)
