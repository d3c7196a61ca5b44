"""Larq Compute Engine's LceBconv2d for the layers of ``layers.py``.

Its converter takes TensorFlow graphs, so the layer is written as one; a dense layer is a 1x1
convolution. Its kernels are made for arm64: on x86 it runs portable C++.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from layers import Layer
from runtimes import Floats

__all__ = ["LarqLayer", "load_larq"]


@dataclass(frozen=True)
class LarqLayer:
    """A converted layer.

    Attributes:
        version: of Larq Compute Engine.
        interpreter: the one beneath its Python class, which takes whole batches.
    """

    version: str
    interpreter: Any

    def predict(self, x: Floats) -> Floats:
        """The layer's output."""
        (y,) = self.interpreter.predict([x])
        return np.asarray(y, np.float32)


def load_larq(layer: Layer, batch: int) -> LarqLayer | None:
    """Convert a W1A1 layer for one batch size.

    Returns:
        The layer, or None where Larq Compute Engine or TensorFlow is not installed.

    Raises:
        RuntimeError: another kernel than the binary one would run.
    """
    if layer.kind != "W1A1":
        raise ValueError(f"{layer.name} is not binary")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # tells of missing GPUs otherwise
    try:
        larq: Any = import_module("larq_compute_engine")
        tensorflow: Any = import_module("tensorflow")
    except ImportError:
        return None
    weights = layer.weights()
    dense = weights.ndim == 2
    if dense:
        weights = weights[:, :, None, None]
    weights = weights.transpose(2, 3, 1, 0)

    def compute(x: Any) -> Any:
        if dense:
            x = tensorflow.reshape(x, (batch, 1, 1, -1))
        else:
            x = tensorflow.transpose(x, (0, 2, 3, 1))
        # What the converter knows as x >= 0 ? +1 : -1.
        signs = tensorflow.sign(tensorflow.sign(x) + 0.1)
        sums = tensorflow.nn.conv2d(signs, tensorflow.constant(weights), 1, "SAME")
        if dense:
            return tensorflow.reshape(sums, (batch, -1))
        return sums if layer.order is not None else tensorflow.transpose(sums, (0, 3, 1, 2))

    signature = [tensorflow.TensorSpec((batch, *layer.row_shape), tensorflow.float32)]
    module = tensorflow.Module()
    module.compute = tensorflow.function(compute, input_signature=signature, autograph=False)
    with tempfile.TemporaryDirectory() as folder:
        concrete = module.compute.get_concrete_function()
        tensorflow.saved_model.save(module, folder, signatures=concrete)
        model = larq.convert_saved_model(folder)
    if b"LceBconv2d" not in model or b"CONV_2D" in model:
        raise RuntimeError(f"Larq Compute Engine does not compute {layer.name} in bits")
    # Of its two ways to multiply bits the one that is several times faster on x86.
    interpreter = larq.testing.Interpreter(model, num_threads=1, use_indirect_bgemm=True)
    return LarqLayer(larq.__version__, interpreter.interpreter)
