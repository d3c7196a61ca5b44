"""Types and shapes of all values, by ONNX's C++ shape inference."""

from __future__ import annotations

import logging

import onnx
import onnx.shape_inference

from bnn_engine.graph.graph import Dim, Graph, Value
from bnn_engine.graph.protobuf import array_dtype, read_shape, to_model
from bnn_engine.ops import DOMAIN, register_schemas

__all__ = ["infer_shapes"]

_LOG = logging.getLogger(__name__)

# Constants with more elements never decide a shape; shape inference is spared their data.
_MAX_SHAPE_ELEMENTS = 1024


# Ops whose result has the shape of their first input, which ONNX does not infer.
_SHAPE_KEEPING = frozenset({"GroupNormalization"})


def infer_shapes(graph: Graph) -> None:
    """Fill in the dtypes and shapes that can be proven.

    What is known already stays, except that numbers replace symbols. Where inference fails, shapes
    stay unknown: that is never an error of the model.
    """
    _infer_by_onnx(graph)
    while _keep_shapes(graph):  # at most once for every node
        _infer_by_onnx(graph)


def _keep_shapes(graph: Graph) -> bool:
    """Give results the shape of their inputs where that was not known; False where it all was."""
    changed = False
    for node in graph.nodes:
        source = node.input(0)
        if node.domain or node.op_type not in _SHAPE_KEEPING or source is None:
            continue
        if node.output.shape is None and source.shape is not None:
            node.output.shape, changed = source.shape, True
    return changed


def _infer_by_onnx(graph: Graph) -> None:
    if any(node.domain == DOMAIN for node in graph.nodes):
        register_schemas()
    model = to_model(
        graph, is_weight=lambda v: v.const is not None and v.const.size > _MAX_SHAPE_ELEMENTS
    )
    try:
        # No data propagation: a Range or a chain of Concats of a few bytes makes it allocate until
        # the process is killed. ResolveShapes follows shape arithmetic instead, within bounds.
        inferred = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # native code: its exception types are not part of its interface
        _LOG.warning("shape inference failed: %s", error)
        return
    values = graph.values()
    for info in (*inferred.graph.value_info, *inferred.graph.output):
        value = values.get(info.name)
        if value is None or value.producer is None:
            continue
        if not info.type.HasField("tensor_type"):
            if info.type.WhichOneof("value") is not None:
                value.container = onnx.TypeProto()
                value.container.CopyFrom(info.type)
            continue
        value.dtype = array_dtype(info.type.tensor_type.elem_type)
        _merge(value, read_shape(info.type.tensor_type))


def _merge(value: Value, inferred: tuple[Dim, ...] | None) -> None:
    if inferred is None:
        return
    # ONNX invents symbols for extents it does not know, anew in every run: they say nothing.
    found = [None if isinstance(d, str) and d.startswith("unk__") else d for d in inferred]
    if value.shape is not None and len(value.shape) == len(found):
        found = [
            new if isinstance(new, int) or old is None else old
            for old, new in zip(value.shape, found, strict=True)
        ]
    value.shape = tuple(found)
