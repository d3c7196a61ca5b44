"""Inference engine for binarized neural networks on CPUs.

``engine = bnn_engine.load("model.onnx"); y = engine.predict(x)``
"""

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
    "cpu_info",
    "load",
    "models",
]


def __getattr__(name: str) -> str:
    """``__version__``, looked up when asked for: reading package metadata costs 30 ms of import."""
    if name == "__version__":
        from importlib.metadata import version

        return version("bnn-engine")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
