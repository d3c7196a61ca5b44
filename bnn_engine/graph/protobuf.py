"""Graphs from and to ONNX protobufs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, numpy_helper

from bnn_engine.graph.graph import Attribute, Dim, Graph, Node, Value
from bnn_engine.graph.subgraphs import captured_names, rename_captures, subgraphs
from bnn_engine.ops import DOMAIN, DOMAIN_VERSION, functions

__all__ = [
    "array_dtype",
    "attribute_value",
    "constant_value",
    "contained_dtype",
    "container_kind",
    "element_type",
    "from_model",
    "node_from_proto",
    "node_proto",
    "read_shape",
    "to_model",
]

IR_VERSION = 10

# Keys of NodeProto.metadata_props, so that a saved graph still knows where its nodes come from.
_ORIGINS_KEY = "bnn_engine.origins"
_REASON_KEY = "bnn_engine.reason"

_MAX_INT64 = 2**63 - 1


# -- element types and shapes ----------------------------------------------------------------------


@lru_cache(maxsize=64)
def array_dtype(element: int) -> np.dtype[Any] | None:
    """NumPy dtype of an ONNX element type; None for UNDEFINED."""
    if element == onnx.TensorProto.UNDEFINED or element not in onnx.TensorProto.DataType.values():
        return None
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element))


def element_type(dtype: np.dtype[Any]) -> int:
    """ONNX element type of a NumPy dtype (object arrays hold strings)."""
    return int(onnx.helper.np_dtype_to_tensor_dtype(dtype))


def container_kind(type_proto: onnx.TypeProto) -> str:
    """Return "sequence", "optional" or "map"."""
    kind: str = type_proto.WhichOneof("value")
    return kind.removesuffix("_type")


def contained_dtype(type_proto: onnx.TypeProto) -> np.dtype[Any]:
    """NumPy dtype of the tensors inside a sequence, optional or map (there: of its values)."""
    while not type_proto.HasField("tensor_type"):
        contained = getattr(type_proto, type_proto.WhichOneof("value"))
        is_map = type_proto.HasField("map_type")
        type_proto = contained.value_type if is_map else contained.elem_type
    return array_dtype(type_proto.tensor_type.elem_type) or np.dtype(object)


def read_shape(tensor_type: onnx.TypeProto.Tensor) -> tuple[Dim, ...] | None:
    """Extents of a tensor type; None where the rank is unknown."""
    if not tensor_type.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in tensor_type.shape.dim
    )


def _value_info(value: Value) -> onnx.ValueInfoProto:
    info = onnx.ValueInfoProto(name=value.name)
    if value.container is not None:
        info.type.CopyFrom(value.container)
    if value.dtype is None:
        return info
    info.type.tensor_type.elem_type = element_type(value.dtype)
    if value.shape is not None:
        shape = info.type.tensor_type.shape
        shape.SetInParent()  # rank 0 is an empty list of extents, not an absent one
        for extent in value.shape:
            dim = shape.dim.add()
            if isinstance(extent, str):
                dim.dim_param = extent
            elif extent is not None and abs(extent) <= _MAX_INT64:  # else of no tensor that exists
                dim.dim_value = extent
    return info


# -- attributes ------------------------------------------------------------------------------------


def attribute_value(attribute: AttributeProto) -> Attribute:
    """Return an attribute as Python data: tensors as arrays, UTF-8 strings as ``str``."""
    kind = attribute.type
    if kind == AttributeProto.TENSOR:
        return numpy_helper.to_array(attribute.t)
    if kind == AttributeProto.TENSORS:
        return [numpy_helper.to_array(tensor) for tensor in attribute.tensors]
    if kind == AttributeProto.STRING:
        return _text(attribute.s)
    if kind == AttributeProto.STRINGS:
        return [_text(item) for item in attribute.strings]
    value = onnx.helper.get_attribute_value(attribute)
    return list(value) if kind in (AttributeProto.INTS, AttributeProto.FLOATS) else value


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _attribute_proto(name: str, value: Attribute) -> AttributeProto:
    if isinstance(value, np.ndarray):
        made = AttributeProto(name=name, type=AttributeProto.TENSOR)
        made.t.CopyFrom(numpy_helper.from_array(value))
        return made
    if isinstance(value, list) and not value:
        return AttributeProto(name=name, type=AttributeProto.INTS)
    if isinstance(value, list) and isinstance(value[0], np.ndarray):
        tensors = [numpy_helper.from_array(np.asarray(item)) for item in value]
        return onnx.helper.make_attribute(name, tensors)
    return onnx.helper.make_attribute(name, value)


def constant_value(attributes: Mapping[str, Attribute]) -> NDArray[Any] | None:
    """Return the array that a Constant with ``attributes`` stands for; None for sparse tensors."""
    for name, value in attributes.items():
        if name == "value":
            return np.asarray(value)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, dtype=np.float32)
        if name in ("value_int", "value_ints"):
            return np.asarray(value, dtype=np.int64)
        if name in ("value_string", "value_strings"):
            return np.asarray(value, dtype=object)
    return None


# -- protobuf to graph -----------------------------------------------------------------------------


def from_model(model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]] | None = None) -> Graph:
    """Build a graph from a valid model: names unique, nodes sorted, domain ``ai.onnx`` written "".

    Constant nodes become constants. Initializers that are listed as graph inputs are constants.

    Args:
        model: the model, without external data.
        weights: arrays of constants that the model lacks or lists as graph inputs.
    """
    opset = next((entry.version for entry in model.opset_import if entry.domain == ""), 21)
    graph = Graph(model.graph.name, opset)
    graph.domain_versions = {
        entry.domain: entry.version
        for entry in model.opset_import
        if entry.domain not in ("", DOMAIN)
    }
    values: dict[str, Value] = {}
    for tensor in model.graph.initializer:
        values[tensor.name] = graph.constant(tensor.name, numpy_helper.to_array(tensor))
    for name, array in (weights or {}).items():
        values[name] = graph.constant(name, array)
    known = {info.name: info.type for info in (*model.graph.value_info, *model.graph.output)}
    for info in model.graph.input:
        if info.name not in values:
            values[info.name] = graph.value(info.name)
            _set_type(values[info.name], info.type)
            graph.inputs.append(values[info.name])
    for proto in model.graph.node:
        node = node_from_proto(graph, proto, values, known)
        if node is not None:
            graph.append(node)
    graph.outputs = [values[info.name] for info in model.graph.output]
    return graph


def _set_type(value: Value, type_proto: onnx.TypeProto) -> None:
    if type_proto.HasField("tensor_type"):
        value.dtype = array_dtype(type_proto.tensor_type.elem_type)
        value.shape = read_shape(type_proto.tensor_type)
    elif type_proto.WhichOneof("value") is not None:
        value.container = onnx.TypeProto()
        value.container.CopyFrom(type_proto)


def node_from_proto(
    graph: Graph,
    proto: onnx.NodeProto,
    values: dict[str, Value],
    known: Mapping[str, onnx.TypeProto] = MappingProxyType({}),
) -> Node | None:
    """Make a node of ``graph`` that is not part of it yet; None for a Constant.

    Args:
        graph: registers the outputs, which thus get unique names, and the reason of the node.
        proto: the node.
        values: what the names in ``proto`` mean; its outputs are added.
        known: types of outputs by name.
    """
    attributes = {item.name: attribute_value(item) for item in proto.attribute}
    if proto.op_type == "Constant" and proto.domain == "":
        array = constant_value(attributes)
        if array is not None:
            values[proto.output[0]] = graph.constant(proto.output[0], array)
            return None
    metadata = {item.key: item.value for item in proto.metadata_props}
    outputs = []
    for position, name in enumerate(proto.output):
        # An omitted optional output has no name and no readers; it needs one to be a value.
        value = graph.value(name or f"{proto.output[0]}_unused{position}")
        if name:
            values[name] = value
            if name in known:
                _set_type(value, known[name])
        outputs.append(value)
    node = Node(
        proto.op_type,
        [values[name] if name else None for name in proto.input],
        outputs,
        attributes,
        name=proto.name,
        domain=proto.domain,
        origins=tuple(metadata[_ORIGINS_KEY].split("\n"))
        if _ORIGINS_KEY in metadata
        else (f"{proto.op_type} {proto.name or proto.output[0]}",),
        captures={
            name: values[name] for inner in subgraphs(proto) for name in captured_names(inner)
        },
    )
    if _REASON_KEY in metadata:
        graph.reasons[outputs[0].name] = metadata[_REASON_KEY]
    return node


# -- graph to protobuf -----------------------------------------------------------------------------


def to_model(
    graph: Graph,
    *,
    is_weight: Callable[[Value], bool] = lambda _: False,
) -> onnx.ModelProto:
    """Write ``graph`` as a model: the same graph gives the same bytes.

    All known shapes are written, so reading the model back needs no shape inference, and so are the
    function bodies of the ops of our domain, so that any ONNX runtime can run the model.

    Args:
        graph: any stage of a graph.
        is_weight: constants to leave out; they become graph inputs.
    """
    model = onnx.ModelProto(ir_version=IR_VERSION, producer_name=DOMAIN)
    model.opset_import.add(domain="", version=graph.opset)
    used = {node.op_type for node in graph.nodes if node.domain == DOMAIN}
    if used:
        model.opset_import.add(domain=DOMAIN, version=DOMAIN_VERSION)
        model.functions.extend(functions(used, graph.opset))
    for domain in sorted({node.domain for node in graph.nodes} - {"", DOMAIN}):
        model.opset_import.add(domain=domain, version=graph.domain_versions.get(domain, 1))
    proto = model.graph
    proto.name = graph.name or "graph"
    proto.input.extend(_value_info(value) for value in graph.inputs)
    for value in graph.constants():
        assert value.const is not None
        if is_weight(value):
            proto.input.append(_value_info(value))
        else:
            proto.initializer.append(numpy_helper.from_array(value.const, value.name))
    proto.node.extend(node_proto(node, graph.reasons) for node in graph.nodes)
    proto.output.extend(_value_info(value) for value in graph.outputs)
    proto.value_info.extend(_intermediate_infos(graph))
    return model


def node_proto(node: Node, reasons: Mapping[str, str] | None = None) -> onnx.NodeProto:
    """Write one node; ``reasons`` are those of its graph."""
    made = onnx.NodeProto(op_type=node.op_type, domain=node.domain, name=node.name)
    made.input.extend("" if value is None else value.name for value in node.inputs)
    made.output.extend(value.name for value in node.outputs)
    made.attribute.extend(
        _attribute_proto(name, value) for name, value in sorted(node.attributes.items())
    )
    renamed = {name: value.name for name, value in node.captures.items() if name != value.name}
    if renamed:
        for inner in subgraphs(made):
            rename_captures(inner, renamed)
    if node.origins:
        made.metadata_props.add(key=_ORIGINS_KEY, value="\n".join(node.origins))
    if reasons and node.outputs and node.output.name in reasons:
        made.metadata_props.add(key=_REASON_KEY, value=reasons[node.output.name])
    return made


def _intermediate_infos(graph: Graph) -> Iterable[onnx.ValueInfoProto]:
    for node in graph.nodes:
        for value in node.outputs:
            if (value.dtype or value.container) is not None and not graph.is_output(value):
                yield _value_info(value)
