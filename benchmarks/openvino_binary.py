"""OpenVINO's BinaryConvolution, the fastest peer on x86, for the layers of ``layers.py``.

No ONNX file leads to that operator, so the layer is built by hand: a FakeQuantize with two levels
binarizes, bits are its weights, and a dense layer is a 1x1 convolution.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import numpy as np
from layers import Layer
from runtimes import Floats

__all__ = ["OpenvinoLayer", "load_openvino"]

_CONFIGURATION = {
    "INFERENCE_NUM_THREADS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    # The default on CPUs that have it is bfloat16, which changes the signs of binarized networks.
    "INFERENCE_PRECISION_HINT": "f32",
}


@dataclass(frozen=True)
class OpenvinoLayer:
    """A compiled layer.

    Attributes:
        version: of OpenVINO.
        primitive: what computes the convolution, as OpenVINO calls it.
        request: an inference request of OpenVINO's.
        input_shape: of the model: dense layers have 1x1 images.
    """

    version: str
    primitive: str
    request: Any
    input_shape: tuple[int, ...]

    def bind(self, x: Floats) -> Callable[[], Any]:
        """Make ``x`` the input, without copying it.

        Returns:
            A call of the layer in the way that costs OpenVINO's Python API the least. It returns
            nothing useful; see :meth:`output`.
        """
        openvino: Any = import_module("openvino")
        tensor = openvino.Tensor(x.reshape(self.input_shape), shared_memory=True)
        self.request.set_input_tensor(tensor)
        request = self.request

        def call() -> Any:
            return request.infer(share_outputs=True)

        return call

    def output(self) -> Floats:
        """The result of the last call."""
        return np.array(self.request.get_output_tensor().data, np.float32)


def load_openvino(layer: Layer, batch: int) -> OpenvinoLayer | None:
    """Build and compile a W1A1 layer for one batch size.

    Returns:
        The layer, or None where OpenVINO is not installed.

    Raises:
        RuntimeError: another kernel than the binary one would run.
    """
    if layer.kind != "W1A1":
        raise ValueError(f"{layer.name} is not binary")
    # Importing OpenVINO reports the use of its converter over the network from a thread of its own,
    # unless this optional package is missing: nothing of that kind belongs beside measurements.
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    try:
        openvino: Any = import_module("openvino")
        opset1: Any = import_module("openvino.opset1")
    except ImportError:
        return None
    weights = layer.weights()
    input_shape: tuple[int, ...] = (batch, *layer.row_shape)
    if weights.ndim == 2:
        weights, input_shape = weights[:, :, None, None], (*input_shape, 1, 1)

    def constant(value: float) -> Any:
        return opset1.constant(np.full((1, 1, 1, 1), value, np.float32))

    x = opset1.parameter(input_shape, np.float32)
    # FakeQuantize asks whether x > threshold, the layer whether x >= 0. Its 0 and 1 stand for -1
    # and +1: with levels -1 and +1 the fast kernel is not chosen.
    threshold = constant(-float(np.finfo(np.float32).tiny))
    bits = opset1.fake_quantize(x, threshold, threshold, constant(0), constant(1), 2)
    packed = np.packbits(weights.ravel() > 0, bitorder="little")
    shape = openvino.Shape(list(weights.shape))
    tensor = openvino.Tensor(packed, shape, openvino.Type.u1)
    pads = [weights.shape[2] // 2] * 2
    y = opset1.binary_convolution(
        bits,
        openvino.op.Constant(tensor, shared_memory=False),
        strides=[1, 1],
        pads_begin=pads,
        pads_end=pads,
        dilations=[1, 1],
        mode="xnor-popcount",
        pad_value=0.0,  # taps in the padding count as 0, as in ONNX
    )
    if layer.order is not None:
        y = opset1.transpose(y, opset1.constant(np.array(layer.order, np.int32)))
    compiled = openvino.Core().compile_model(
        openvino.Model([y], [x], layer.name), "CPU", _CONFIGURATION
    )
    primitive = _primitive(compiled)
    if not primitive.startswith("jit") or not primitive.endswith(("u1", "I1")):
        raise RuntimeError(f"OpenVINO computes {layer.name} by {primitive}, not in bits")
    version = openvino.__version__.partition("-")[0]
    return OpenvinoLayer(version, primitive, compiled.create_infer_request(), input_shape)


def _primitive(compiled: Any) -> str:
    """What the execution graph says of the convolution, such as "jit_avx512_u1"."""
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        if _text(info["layerType"]) == "BinaryConvolution":
            return _text(info["primitiveType"])
    return "no BinaryConvolution"


def _text(value: Any) -> str:
    return str(getattr(value, "value", value))
