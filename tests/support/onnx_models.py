"""Builds small models in ONNX's text syntax and runs them in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper

from bnn_engine.graph import Graph
from bnn_engine.importer import import_model

__all__ = ["graph_from_text", "model_from_text", "op_types", "run_onnxruntime", "signs"]

Array = NDArray[Any]


def model_from_text(
    text: str, constants: Mapping[str, Array] | None = None, opset: int = 21
) -> onnx.ModelProto:
    """Parse a graph.

    Args:
        text: ``name (inputs) => (outputs) { nodes }`` in the syntax of ``onnx.parser``.
        constants: initializers by name.
        opset: version of the default domain.
    """
    header = f'<ir_version: 8, opset_import: ["": {opset}]>'
    model = onnx.parser.parse_model(header + text)
    for name, array in (constants or {}).items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def graph_from_text(
    text: str, constants: Mapping[str, Array] | None = None, opset: int = 21
) -> Graph:
    """Parse and import a graph; see :func:`model_from_text`."""
    return import_model(model_from_text(text, constants, opset))


def run_onnxruntime(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """Run ``model`` in ONNX Runtime without graph optimisations, on one thread."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results: list[Array] = session.run(None, dict(feeds))
    return results


def signs(rng: np.random.Generator, shape: Sequence[int]) -> NDArray[np.float32]:
    """Random ±1, float32."""
    return rng.choice(np.array([-1, 1], dtype=np.float32), size=shape)


def op_types(graph: Graph) -> list[str]:
    """Op types of all nodes in order."""
    return [node.op_type for node in graph.nodes]
