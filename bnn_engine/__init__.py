"""Inference engine for binarized neural networks on CPUs.

``engine = bnn_engine.load("model.onnx"); y = engine.predict(x)``
"""

from importlib.metadata import version as _version

from bnn_engine import models
from bnn_engine.cpu import CpuInfo, cpu_info
from bnn_engine.engine import Engine, TensorInfo, load
from bnn_engine.errors import (
    BnnError,
    DTypeError,
    IsaError,
    ModelFormatError,
    ShapeError,
    UnsupportedOpError,
)

__version__ = _version("bnn-engine")

__all__ = [
    "BnnError",
    "CpuInfo",
    "DTypeError",
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
