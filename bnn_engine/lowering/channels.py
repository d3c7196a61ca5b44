"""Constants that act per channel, and the float arithmetic that ONNX Runtime does with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph import Node, Value
from bnn_engine.graph.arithmetic import batch_norm_coefficients

__all__ = ["EpilogueSteps", "channel_operand", "channel_steps", "channels_of"]

EpilogueSteps = list[tuple[str, NDArray[np.float32]]]
"""("add" | "mul" | "div" | "max" | "min", operand [channels] or [1]) in their order."""


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


def _batch_normalization(node: Node) -> EpilogueSteps | None:
    """y = x·s + B, two roundings as in ONNX Runtime; None where a parameter is not constant."""
    constants = [node.input(index) for index in range(1, 5)]
    arrays = [value.const for value in constants if value is not None and value.const is not None]
    if len(arrays) != 4 or len(node.outputs) != 1 or node.attributes.get("training_mode", 0) != 0:
        return None
    if any(array.dtype != np.float32 or array.ndim != 1 for array in arrays):
        return None
    epsilon = node.attributes.get("epsilon", 1e-5)
    assert isinstance(epsilon, float)
    scale, shift = batch_norm_coefficients(arrays, epsilon)
    return [("mul", scale), ("add", shift)]


def _arithmetic(node: Node, data: int) -> EpilogueSteps | None:
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
    if node.op_type != "Div" or data != 0:
        return None
    mantissa, exponent = np.frexp(operand)
    if np.all((np.abs(mantissa) == 0.5) & (np.abs(exponent) < 100)):
        return [("mul", np.float32(1) / operand)]  # a power of two: the reciprocal is exact
    return [("div", operand)]


def _clip(node: Node) -> EpilogueSteps | None:
    """Both bounds: an omitted one is the largest finite number, so infinity is clipped too."""
    steps: EpilogueSteps = []
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


def channel_steps(node: Node) -> tuple[Value, EpilogueSteps] | None:
    """The node's data input and its arithmetic as epilogue steps; None for anything else."""
    if node.domain:
        return None
    first = node.input(0)
    if first is None:
        return None
    steps: EpilogueSteps | None = None
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
    elif node.op_type == "Clip":
        steps = _clip(node)
    return None if steps is None else (data, steps)
