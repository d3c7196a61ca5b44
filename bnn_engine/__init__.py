"""Inference engine for binarized neural networks on CPUs.

``engine = bnn_engine.load("model.onnx"); y = engine.predict(x)``
"""

from typing import TYPE_CHECKING, Any

from bnn_engine import models
from bnn_engine.cpu import CpuInfo, cpu_info
from bnn_engine.engine import Engine, TensorInfo, load
from bnn_engine.errors import (
    BnnError,
    BnnWarning,
    DatasetError,
    DTypeError,
    IsaError,
    ModelFormatError,
    ShapeError,
    UnsupportedOpError,
)

if TYPE_CHECKING:
    from bnn_engine import backend

__all__ = [
    "BnnError",
    "BnnWarning",
    "CpuInfo",
    "DTypeError",
    "DatasetError",
    "Engine",
    "IsaError",
    "ModelFormatError",
    "ShapeError",
    "TensorInfo",
    "UnsupportedOpError",
    "backend",
    "cpu_info",
    "load",
    "models",
]


def __getattr__(name: str) -> Any:
    """Look up what costs time to import only when it is asked for.

    ``backend`` imports onnx; ``__version__`` reads package metadata (30 ms).
    """
    if name == "backend":
        from importlib import import_module

        return import_module("bnn_engine.backend")
    if name == "__version__":
        from importlib.metadata import version

        return version("bnn-engine")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
