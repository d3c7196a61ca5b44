"""Constants that act per channel, and the float arithmetic that ONNX Runtime does with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph import Node, Value
from bnn_engine.graph.arithmetic import batch_norm_coefficients

__all__ = ["ChannelSteps", "channel_operand", "channel_steps", "channels_of"]

ChannelSteps = list[tuple[str, NDArray[np.float32]]]
"""("add" | "mul" | "div" | "max" | "min" | "prelu", operand [channels] or [1]) in the order they
are applied."""


def channels_of(value: Value) -> int | None:
    """The extent of axis 1, or None where it is unknown."""
    if value.shape is None or len(value.shape) < 2 or not isinstance(value.shape[1], int):
        return None
    return value.shape[1]


def channel_operand(constant: Value | None, value: Value) -> NDArray[np.float32] | None:
    """``constant`` as [C] or [1] where it varies along axis 1 of ``value`` at most, else None."""
    if constant is None or constant.const is None or constant.const.dtype != np.float32:
        return None
    array = constant.const
    rank, channels = value.rank, channels_of(value)
    if rank is None or array.ndim > rank:
        return None
    if array.size == 1:
        return array.reshape(1).astype(np.float32, copy=False)
    aligned = (1,) * (rank - array.ndim) + array.shape
    wanted = tuple(channels if axis == 1 else 1 for axis in range(rank))
    if channels is None or rank < 2 or aligned != wanted:
        return None
    return np.ascontiguousarray(array.reshape(channels), np.float32)


def _batch_normalization(node: Node) -> ChannelSteps | None:
    """y = x·s + B, two roundings as in ONNX Runtime; None where a parameter is not constant."""
    constants = [node.input(index) for index in range(1, 5)]
    arrays = [value.const for value in constants if value is not None and value.const is not None]
    if len(arrays) != 4 or len(node.outputs) != 1 or node.attributes.get("training_mode", 0) != 0:
        return None
    channels = None if node.inputs[0] is None else channels_of(node.inputs[0])
    shape = arrays[0].shape if channels is None else (channels,)
    if any(a.dtype != np.float32 or a.ndim != 1 or a.shape != shape for a in arrays):
        return None
    epsilon = node.attributes.get("epsilon", 1e-5)
    assert isinstance(epsilon, float)
    scale, shift = batch_norm_coefficients(arrays, epsilon)
    return [("mul", scale), ("add", shift)]


def _arithmetic(node: Node, data: int) -> ChannelSteps | None:
    """Add, Sub, Mul and Div of the tensor at input ``data`` with the other, a constant."""
    value = node.inputs[data]
    assert value is not None
    operand = channel_operand(node.input(1 - data), value)
    if operand is None:
        return None
    if node.op_type == "Add":
        return [("add", operand)]
    if node.op_type == "Mul":
        return [("mul", operand)]
    if node.op_type == "Sub":  # negation is exact
        return (
            [("add", -operand)]
            if data == 0
            else [("mul", -np.ones(1, np.float32)), ("add", operand)]
        )
    if data != 0:
        return None  # a constant divided by the tensor
    mantissa, exponent = np.frexp(operand)
    if np.all((np.abs(mantissa) == 0.5) & (np.abs(exponent) < 100)):
        return [("mul", np.float32(1) / operand)]  # a power of two: the reciprocal is exact
    return [("div", operand)]


def _clip(node: Node) -> ChannelSteps | None:
    """Both bounds: an omitted one is the largest finite number, so infinity is clipped too."""
    steps: ChannelSteps = []
    limits = np.finfo(np.float32)
    for index, name, limit in ((1, "max", limits.min), (2, "min", limits.max)):
        bound = node.input(index)
        if bound is None:
            steps.append((name, np.full(1, limit, np.float32)))
        elif bound.const is None or bound.const.size != 1 or bound.const.dtype != np.float32:
            return None
        else:
            steps.append((name, bound.const.reshape(1).astype(np.float32, copy=False)))
    return steps


def _slopes(node: Node) -> ChannelSteps | None:
    """PRelu and LeakyRelu: y < 0 ? y·slope : y."""
    if node.op_type == "LeakyRelu":
        alpha = node.attributes.get("alpha", 0.01)
        assert isinstance(alpha, float)
        return [("prelu", np.full(1, alpha, np.float32))]
    value = node.inputs[0]
    assert value is not None
    slope = channel_operand(node.input(1), value)
    return None if slope is None else [("prelu", slope)]


def channel_steps(node: Node) -> tuple[Value, ChannelSteps] | None:
    """The node's data input and its arithmetic as epilogue steps; None for anything else."""
    if node.domain:
        return None
    first = node.input(0)
    if first is None:
        return None
    steps: ChannelSteps | None = None
    data = first
    if node.op_type in ("Add", "Sub", "Mul", "Div"):
        constant_first = first.const is not None
        index = 1 if constant_first else 0
        value = node.input(index)
        if value is None or value.const is not None:
            return None
        data, steps = value, _arithmetic(node, index)
    elif node.op_type == "BatchNormalization":
        steps = _batch_normalization(node)
    elif node.op_type == "Relu":
        steps = [("max", np.zeros(1, np.float32))]
    elif node.op_type in ("LeakyRelu", "PRelu"):
        steps = _slopes(node)
    elif node.op_type == "Clip":
        steps = _clip(node)
    return None if steps is None else (data, steps)
