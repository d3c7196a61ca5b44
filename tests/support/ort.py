"""ONNX Runtime with graph optimisations disabled: what every answer is compared with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[Any]
Model = str | os.PathLike[str] | bytes | onnx.ModelProto


def session(model: Model) -> onnxruntime.InferenceSession:
    """A session on one thread that runs the graph as it is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if isinstance(model, onnx.ModelProto):
        model = model.SerializeToString()
    source = model if isinstance(model, bytes) else os.fspath(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(model: Model, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """All outputs of ``model`` by name."""
    made = session(model)
    names = [output.name for output in made.get_outputs()]
    return dict(zip(names, made.run(names, dict(feeds)), strict=True))


def run_optimised(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """As :func:`run` with all graph optimisations: it sums in another order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in made.get_outputs()]
    return dict(zip(names, made.run(names, dict(feeds)), strict=True))


def run_rows(model: Model, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """As :func:`run` for a model whose batch axis is frozen to 1: row by row."""
    made = session(model)
    names = [output.name for output in made.get_outputs()]
    count = len(next(iter(feeds.values())))
    rows = [
        made.run(names, {name: array[i : i + 1] for name, array in feeds.items()})
        for i in range(count)
    ]
    return {
        name: np.concatenate(parts)
        for name, parts in zip(names, zip(*rows, strict=True), strict=True)
    }


def with_outputs(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A copy of ``model`` that gives the float32 tensors ``names`` instead of its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    own = {output.name: output for output in model.graph.output}
    del copy.graph.output[:]
    for name in names:
        other = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        copy.graph.output.append(own.get(name, other))
    return copy
