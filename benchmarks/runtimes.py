"""The runtimes that the benchmarks compare: the same model in each, ready to call."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import bnn_engine
from bnn_engine.baseline import load_float

if TYPE_CHECKING:
    import onnx

    Model = str | os.PathLike[str] | onnx.ModelProto

__all__ = ["LABELS", "PEERS", "Floats", "Runtime", "load_runtime"]

Floats = NDArray[np.float32]

LABELS = {
    "packed": "packed",
    "float": "own float kernels",
    "onnxruntime": "ONNX Runtime",
}
"""Names of the runtimes, and what tables call them. The first one is compared with the others."""

PEERS = tuple(LABELS)[1:]


@dataclass(frozen=True)
class Runtime:
    """One model in one runtime.

    Attributes:
        name: a key of :data:`LABELS`.
        version: of the package that runs it.
        predict: NumPy array in, NumPy array out.
    """

    name: str
    version: str
    predict: Callable[[Floats], Any]


def load_runtime(name: str, model: Model, num_threads: int = 1) -> Runtime | None:
    """Load a model with one input and one output.

    Args:
        name: "packed" for this engine, "float" for its own float kernels without XNOR, or
            "onnxruntime" for ONNX Runtime with its usual optimisations.
        model: path, or model in memory.
        num_threads: threads that a call may use.

    Returns:
        The runtime, or None where its package is not installed.
    """
    if name == "packed":
        engine = bnn_engine.load(model, num_threads)
        return Runtime(name, bnn_engine.__version__, engine.predict)
    if name == "float":
        engine = load_float(model, num_threads)
        return Runtime(name, bnn_engine.__version__, engine.predict)
    if name == "onnxruntime":
        return _onnxruntime(model, num_threads)
    raise ValueError(f"no runtime is named {name!r}; there are {', '.join(LABELS)}")


def _onnxruntime(model: Model, num_threads: int) -> Runtime | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    source = os.fspath(model) if isinstance(model, str | os.PathLike) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name

    def predict(x: Floats) -> Any:
        return session.run(None, {feed: x})[0]

    return Runtime("onnxruntime", onnxruntime.__version__, predict)
