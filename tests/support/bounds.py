"""How far two correct float32 evaluations of a graph may lie apart.

Every tensor is evaluated in float64 together with a bound e on |float32 result - exact result|
that holds for *any* order of summation. With u = 2^-24 and γ_n = n·u / (1 - n·u), a dot product of
length K with operands x (known up to e), w and bias b has

    e_y = γ_n · (Σ (|x| + e)·|w| + |b|) + Σ e·|w|,    n = K + SLACK

(Higham, Accuracy and Stability of Numerical Algorithms, 3.1). SLACK covers what an engine may do
besides the sum: adding the bias, taking a factor α out of the sum, and treating a row of weights as
±α whose magnitudes differ by up to 5e-7 = 8.4 u relative.
Two evaluations that are both right differ by 2·e at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]
Floats = NDArray[np.float64]

UNIT = 2.0**-24
SLACK = 16


@dataclass(frozen=True)
class Bounded:
    """An exact value (up to float64) and a bound on the error of a float32 evaluation of it."""

    value: Floats
    error: Floats


def gamma(operations: int) -> float:
    """γ_n: the relative error that n float32 roundings can add up to."""
    return operations * UNIT / (1 - operations * UNIT)


def exactly(array: Array) -> Bounded:
    """A value that both evaluations start from."""
    return Bounded(array.astype(np.float64), np.zeros(array.shape))


def windows(
    x: Floats,
    kernel: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    fill: float = 0.0,
) -> Floats:
    """Windows of an image: [N, C, H, W] -> [N, C, OH, OW, kh, kw]."""
    top, left, bottom, right = pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    spans = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    found: Floats = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
    return found[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


def dense(x: Bounded, weights: Floats, bias: Floats | float = 0.0) -> Bounded:
    """x [..., K] times weights [K, O], plus a bias."""
    magnitude = (np.abs(x.value) + x.error) @ np.abs(weights) + np.abs(bias)
    error = gamma(weights.shape[0] + SLACK) * magnitude + x.error @ np.abs(weights)
    return Bounded(x.value @ weights + bias, error)


def convolution(
    x: Bounded,
    weights: Floats,
    bias: Floats | None = None,
    groups: int = 1,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
) -> Bounded:
    """x [N, C, H, W] with weights [O, C / groups, kh, kw]."""
    outputs, per_group, *kernel = weights.shape
    grouped = weights.reshape(groups, outputs // groups, per_group, *kernel)
    shift = np.zeros(outputs) if bias is None else bias
    shift = shift.reshape(1, outputs, 1, 1)

    def convolve(image: Floats, filters: Floats) -> Floats:
        seen = windows(image, kernel, strides, pads, dilations)
        n, _, height, width, *_ = seen.shape
        seen = seen.reshape(n, groups, per_group, height, width, *kernel)
        sums: Floats = np.einsum("ngcyxij,gocij->ngoyx", seen, filters, optimize=True)
        return sums.reshape(n, outputs, height, width)

    magnitude = convolve(np.abs(x.value) + x.error, np.abs(grouped)) + np.abs(shift)
    error = gamma(per_group * kernel[0] * kernel[1] + SLACK) * magnitude
    return Bounded(convolve(x.value, grouped) + shift, error + convolve(x.error, np.abs(grouped)))


def batch_norm(x: Bounded, parameters: Sequence[Array], epsilon: float) -> Bounded:
    """(x - mean) / sqrt(variance + epsilon) · scale + shift per channel (axis 1)."""
    along = (1, -1, *[1] * (x.value.ndim - 2))
    scale, shift, mean, variance = (p.astype(np.float64).reshape(along) for p in parameters)
    factor = scale / np.sqrt(variance + epsilon)
    magnitude = np.abs(factor) * (np.abs(x.value) + x.error + np.abs(mean)) + np.abs(shift)
    error = gamma(SLACK) * magnitude + np.abs(factor) * x.error
    return Bounded((x.value - mean) * factor + shift, error)


def log_softmax(x: Bounded) -> Bounded:
    """Over the last axis: x - m - log Σ exp(x - m) is 1-Lipschitz in x and in its largest error."""
    shifted = x.value - x.value.max(axis=-1, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    worst = x.error.max(axis=-1, keepdims=True)
    # exp and log are within a few units of the last place; the sum has as many terms as classes.
    own = gamma(SLACK + x.value.shape[-1]) * (1 + np.abs(shifted) + np.abs(value))
    return Bounded(value, x.error + worst + own)


def evaluate(
    model: onnx.ModelProto, feeds: Mapping[str, Array], seen: Mapping[str, Array]
) -> dict[str, Bounded]:
    """Every float tensor of a feed-forward network with its error bound.

    Args:
        model: the network; weights are initializers.
        feeds: inputs by name.
        seen: results of one evaluation by tensor name. What a Where gives is taken from there,
            since two evaluations may differ by more than a rounding behind a comparison; so are
            the shapes that a Reshape gives.

    Returns:
        Tensors by name.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    tensors = {name: exactly(array) for name, array in feeds.items()}
    for node in model.graph.node:
        name = node.output[0]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Where":
            tensors[name] = exactly(seen[name])
        elif node.op_type == "Identity":
            constants[name] = constants[node.input[0]]
        elif node.op_type in ("Reshape", "Flatten"):
            x, shape = tensors[node.input[0]], seen[name].shape
            tensors[name] = Bounded(x.value.reshape(shape), x.error.reshape(shape))
        elif node.op_type not in NOT_FLOAT:
            operands = [constants[name] for name in node.input[1:]]
            tensors[name] = _evaluate(node.op_type, attributes, tensors[node.input[0]], operands)
    return tensors


NOT_FLOAT = ("Concat", "Constant", "Gather", "Greater", "Shape", "Unsqueeze")


def _evaluate(
    op_type: str, attributes: Mapping[str, Any], x: Bounded, operands: Sequence[Array]
) -> Bounded:
    match op_type:
        case "Gemm":
            assert attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0
            weights, bias = (operand.astype(np.float64) for operand in operands)
            return dense(x, weights.T if attributes.get("transB") else weights, bias)
        case "Conv":
            weights, bias = (operand.astype(np.float64) for operand in operands)
            keys = ("strides", "pads", "dilations")
            geometry = {key: attributes[key] for key in keys if key in attributes}
            return convolution(x, weights, bias, attributes.get("group", 1), **geometry)
        case "BatchNormalization":
            return batch_norm(x, operands, attributes.get("epsilon", 1e-5))
        case "Relu":
            return Bounded(np.maximum(x.value, 0), x.error)
        case "MaxPool":
            window = attributes["kernel_shape"], attributes["strides"]
            value, error = (windows(array, *window).max((-2, -1)) for array in (x.value, x.error))
            return Bounded(value, error)
        case "LogSoftmax":
            return log_softmax(x)
    raise NotImplementedError(op_type)
