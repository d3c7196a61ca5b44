"""Checks a network node by node, each with the numbers that the engine itself fed it.

Errors of a deep network multiply from layer to layer, so that a bound on the last output that holds
for every rounding would forbid nothing. Node by node the bounds stay sharp: dot products and means
lie within γ_K of the exact value, all other arithmetic is ONNX Runtime's bit for bit, except
functions that every library approximates on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from bnn_engine.graph.protobuf import attribute_value, constant_value
from tests.support import ort
from tests.support.bounds import SLACK, UNIT, gamma

__all__ = ["check_node", "single_nodes", "tensors_to_tap"]

Array = NDArray[Any]

SUMS = {"AveragePool", "Conv", "Gemm", "GlobalAveragePool", "MatMul", "ReduceMean"}

APPROXIMATE = {"Exp", "Log", "LogSoftmax", "Pow", "Sigmoid", "Softmax", "Tanh"}
"""A few units in the last place of the largest number that the computation meets."""


def tensors_to_tap(model: onnx.ModelProto) -> list[str]:
    """Every float tensor that a node computes from the input, in order; constants are left out."""
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {
        info.name: info.type.tensor_type.elem_type
        for info in (*inferred.graph.value_info, *inferred.graph.output)
    }
    variable = {info.name for info in model.graph.input}
    names = []
    for node in model.graph.node:
        if variable.intersection(node.input):
            variable.update(node.output)
            names += [name for name in node.output if types.get(name) == onnx.TensorProto.FLOAT]
    return names


def single_nodes(
    model: onnx.ModelProto, tensors: Mapping[str, Array]
) -> Iterator[tuple[onnx.NodeProto, dict[str, Array]]]:
    """Every node of which all operands are in ``tensors`` or constant, with its operands."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            array = constant_value({a.name: attribute_value(a) for a in node.attribute})
            assert array is not None
            constants[node.output[0]] = array
    known = {**constants, **tensors}
    for node in model.graph.node:
        names = list(dict.fromkeys(filter(None, node.input)))
        complete = node.output[0] in tensors and all(name in known for name in names)
        if complete and any(name in tensors for name in names):
            yield node, {name: known[name] for name in names}


def run_node(node: onnx.NodeProto, operands: Mapping[str, Array], opsets: Any) -> Array:
    """What ONNX Runtime gives for one node."""
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in operands.items()
    ]
    output = helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "node", inputs, [output])
    model = helper.make_model(graph, opset_imports=list(opsets), ir_version=8)
    return ort.run(model, operands)[node.output[0]]


def magnitude(node: onnx.NodeProto, operands: Mapping[str, Array], opsets: Any) -> Array:
    """The same sums of the operands' magnitudes."""
    return run_node(node, {name: _abs(array) for name, array in operands.items()}, opsets)


def _abs(array: Array) -> Array:
    return np.abs(array) if array.dtype == np.float32 else array


def terms(node: onnx.NodeProto, operands: Mapping[str, Array], result: Array) -> int:
    """How many numbers a node adds up for one of its results."""
    arrays = list(operands.values())
    if node.op_type == "Conv":
        return int(np.prod(arrays[1].shape[1:]))
    if node.op_type in ("Gemm", "MatMul"):
        return int(max(arrays[0].shape[-1], arrays[0].shape[0]))
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if "kernel_shape" in attributes:
        return int(np.prod(attributes["kernel_shape"]))
    return max(arrays[0].size // max(result.size, 1), 1)


def check_node(
    node: onnx.NodeProto, operands: Mapping[str, Array], got: Array, opsets: Any
) -> None:
    """``got`` is what ``node`` may give for ``operands``."""
    wanted = run_node(node, operands, opsets)
    label = f"{node.op_type} {node.name or node.output[0]!r}"
    assert got.shape == wanted.shape, label
    if node.op_type in SUMS:
        # Both are within γ_n of the exact sum, n roundings being the products', the additions' and
        # a few more; the sum of magnitudes is itself known up to such an error.
        bound = 2 * gamma(terms(node, operands, got) + SLACK)
        limit: Array = 1.01 * bound * magnitude(node, operands, opsets).astype(np.float64)
    elif node.op_type in APPROXIMATE:
        limit = SLACK * UNIT * np.maximum(1, np.abs(wanted.astype(np.float64)))
    else:
        np.testing.assert_array_equal(got, wanted, err_msg=label)
        return
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    excess = np.where(same, 0, np.abs(got.astype(np.float64) - wanted) - limit)
    assert not (excess > 0).any(), f"{label}: {excess.max()} more than rounding"
