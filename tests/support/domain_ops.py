"""Uses of one op of our domain, and what must hold of every op."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
from numpy.typing import NDArray

from bnn_engine.graph import Graph, Node
from bnn_engine.graph.protobuf import to_model
from bnn_engine.ops import DOMAIN, OPS, register_schemas
from tests.support.onnx_models import run_onnxruntime

__all__ = ["check_op", "op_case"]

Array = NDArray[Any]


def op_case(
    op_type: str, attributes: dict[str, Any], x: Array, *constants: Array, opset: int = 21
) -> Graph:
    """Make a graph of one node that reads ``x``, of any number of rows, and ``constants``."""
    graph = Graph("case", opset)
    graph.inputs = [graph.value("x", x.dtype, ("N", *x.shape[1:]))]
    inputs = [
        graph.inputs[0],
        *(graph.constant(f"c{i}", c) for i, c in enumerate(constants)),
    ]
    output = graph.value("y", np.dtype(np.float32))
    graph.append(Node(op_type, list(inputs), [output], attributes, "node", DOMAIN))
    graph.outputs = [output]
    return graph


def check_op(graph: Graph, x: Array, *, exact: bool = True) -> None:
    """Reference = function body in ONNX Runtime; inferred shape = shape of the reference."""
    node = graph.nodes[0]
    arrays = [x, *(value.const for value in node.inputs[1:] if value is not None)]
    expected = OPS[node.op_type].reference([a for a in arrays if a is not None], node.attributes)
    assert expected.dtype == np.float32
    model = to_model(graph)
    (actual,) = run_onnxruntime(model, {"x": x})
    if exact:
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-4)

    register_schemas()
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    dims = inferred.graph.output[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ["N", *expected.shape[1:]]
