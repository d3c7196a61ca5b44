"""Checks every tensor of a model, and takes the large ones out of it.

ONNX's native code (version converter, shape inference) copies models several times and trusts the
sizes that tensors claim. It gets to see small, verified tensors only; weights appear to it as
inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, numpy_helper

from bnn_engine.graph.protobuf import array_dtype
from bnn_engine.graph.subgraphs import subgraphs
from bnn_engine.importer.external_data import is_external, load_external

__all__ = ["MAX_EXTENT", "check_tensors", "forget_types", "without_weights"]

# Tensors with more elements are weights: no shape and no rewrite of an older opset depends on them.
_MAX_SMALL_ELEMENTS = 1024

MAX_EXTENT = 2**40
"""No tensor that exists is longer; products of larger extents overflow native code."""

# NumPy 1 knows no more axes.
_MAX_AXES = 32

_TYPED_FIELDS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float_data",
    onnx.TensorProto.COMPLEX64: "float_data",
    onnx.TensorProto.DOUBLE: "double_data",
    onnx.TensorProto.COMPLEX128: "double_data",
    onnx.TensorProto.INT64: "int64_data",
    onnx.TensorProto.UINT32: "uint64_data",
    onnx.TensorProto.UINT64: "uint64_data",
    onnx.TensorProto.STRING: "string_data",
}
_BITS = {
    name: bits
    for names, bits in (
        (("UINT2", "INT2"), 2),
        (("UINT4", "INT4", "FLOAT4E2M1"), 4),
        (("FLOAT6E2M3", "FLOAT6E3M2"), 6),
    )
    for name in names
}


def check_tensors(
    model: onnx.ModelProto, folder: Path | None
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Verify all tensors and read those that are large or external.

    Args:
        model: a parsed model; left unchanged.
        folder: the model's folder for external data, None if there is none.

    Returns:
        Arrays of the large and external initializers (and large Constant nodes) by name; one line
        for every problem.
    """
    weights: dict[str, NDArray[Any]] = {}
    problems: list[str] = []
    for tensor in model.graph.initializer:
        large = math.prod(tensor.dims) > _MAX_SMALL_ELEMENTS or is_external(tensor)
        array = _check(tensor, f"initializer {tensor.name!r}", problems, folder, wanted=large)
        if array is not None:
            weights[tensor.name] = array
    for node in model.graph.node:
        constant = _large_constant(node)
        for tensor, what in _node_tensors(node):
            name = f"{what} of node {node.name!r} ({node.op_type})"
            wanted = constant is not None
            if is_external(tensor) and not wanted:
                problems.append(f"{name}: external data are supported for initializers only")
                continue
            array = _check(tensor, name, problems, folder, wanted=wanted)
            if array is not None:
                weights[node.output[0]] = array
    for function in model.functions:
        for node in function.node:
            for tensor, what in _node_tensors(node):
                _check(tensor, f"{what} in function {function.name!r}", problems, None)
    return weights, problems


def without_weights(
    model: onnx.ModelProto, weights: dict[str, NDArray[Any]], *, keep_types: bool
) -> onnx.ModelProto:
    """Copy ``model`` with ``weights`` as graph inputs, and without what nobody reads.

    Documentation and training information are left out.

    Args:
        model: a checked model; left unchanged.
        weights: arrays of constants by name.
        keep_types: whether to keep the types of intermediate values and the shapes of outputs. They
            are hints that may be wrong, and inference finds them anew.
    """
    made = onnx.ModelProto(ir_version=max(model.ir_version, 10))
    made.opset_import.extend(model.opset_import)
    made.functions.extend(model.functions)
    graph = made.graph
    graph.name = model.graph.name
    constants = {tensor.name for tensor in model.graph.initializer}
    graph.input.extend(info for info in model.graph.input if info.name not in constants)
    for name, array in weights.items():
        element = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        graph.input.append(onnx.helper.make_tensor_value_info(name, element, array.shape))
    graph.initializer.extend(t for t in model.graph.initializer if t.name not in weights)
    graph.node.extend(
        node
        for node in model.graph.node
        if _large_constant(node) is None or node.output[0] not in weights
    )
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    if not keep_types:
        forget_types(made)
    return made


def forget_types(model: onnx.ModelProto) -> None:
    """Drop the types of intermediate values and the shapes of outputs, in place."""
    del model.graph.value_info[:]
    for info in model.graph.output:
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.ClearField("shape")


def _large_constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """Return the tensor of a Constant node that belongs among the weights."""
    if node.op_type != "Constant" or len(node.attribute) != 1 or len(node.output) != 1:
        return None
    attribute = node.attribute[0]
    if attribute.name != "value" or attribute.type != AttributeProto.TENSOR:
        return None
    large = is_external(attribute.t) or math.prod(attribute.t.dims) > _MAX_SMALL_ELEMENTS
    return attribute.t if large else None


def _node_tensors(node: onnx.NodeProto) -> Iterator[tuple[onnx.TensorProto, str]]:
    """All tensors among the attributes of ``node`` and of its sub-graphs."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR:
            yield attribute.t, f"attribute {attribute.name!r}"
        elif attribute.type == AttributeProto.TENSORS:
            for tensor in attribute.tensors:
                yield tensor, f"attribute {attribute.name!r}"
    for graph in subgraphs(node):
        for tensor in graph.initializer:
            yield tensor, f"initializer {tensor.name!r}"
        for inner in graph.node:
            yield from _node_tensors(inner)


def _check(
    tensor: onnx.TensorProto,
    name: str,
    problems: list[str],
    folder: Path | None,
    *,
    wanted: bool = False,
) -> NDArray[Any] | None:
    """Verify that ``tensor`` has as much data as its shape asks for; its array if ``wanted``."""
    dtype = array_dtype(tensor.data_type)
    if dtype is None:
        problems.append(f"{name}: unknown element type {tensor.data_type}")
        return None
    # NumPy multiplies the extents of an array without elements, too.
    cells = math.prod(max(extent, 1) for extent in tensor.dims)
    if (
        any(not 0 <= extent <= MAX_EXTENT for extent in tensor.dims)
        or cells > MAX_EXTENT
        or len(tensor.dims) > _MAX_AXES
    ):
        problems.append(f"{name}: impossible shape {list(tensor.dims)}")
        return None
    count = math.prod(tensor.dims)
    bits = _BITS.get(onnx.TensorProto.DataType.Name(tensor.data_type), dtype.itemsize * 8)
    num_bytes = -(-count * bits // 8)
    try:
        if is_external(tensor):
            if dtype.hasobject or bits < 8:
                raise ValueError("external data of this element type are not supported")
            data = load_external(tensor, num_bytes, folder)
            return np.frombuffer(data, dtype).reshape(tensor.dims)
        if tensor.HasField("raw_data"):
            data = tensor.raw_data  # once: each reading of the field copies it
            _require_size(tensor, len(data), num_bytes, "bytes")
            if wanted and dtype.kind in "iuf" and bits == dtype.itemsize * 8:
                return np.frombuffer(data, dtype.newbyteorder("<")).reshape(tensor.dims).copy()
        else:
            _require_size(tensor, *_num_values(tensor, count, num_bytes), "values")
        return numpy_helper.to_array(tensor) if wanted else None
    except (OSError, ValueError, OverflowError) as error:
        problems.append(f"{name}: {error}")
        return None


def _require_size(tensor: onnx.TensorProto, found: int, expected: int, unit: str) -> None:
    if found != expected:
        raise ValueError(f"holds {found} {unit}, its shape {list(tensor.dims)} asks for {expected}")


def _num_values(tensor: onnx.TensorProto, count: int, num_bytes: int) -> tuple[int, int]:
    """How many values the typed field of ``tensor`` holds, and how many it should hold."""
    field = _TYPED_FIELDS.get(tensor.data_type, "int32_data")
    per_value = (
        2 if tensor.data_type in (onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128) else 1
    )
    packed = onnx.TensorProto.DataType.Name(tensor.data_type) in _BITS
    return len(getattr(tensor, field)), num_bytes if packed else count * per_value
