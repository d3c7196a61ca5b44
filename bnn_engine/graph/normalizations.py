"""Normalizations whose rounding, or whose finiteness, ``onnx.reference`` does not keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.arithmetic import batch_norm_coefficients
from bnn_engine.graph.graph import Node

__all__ = ["batch_norm", "given", "group_norm", "log_softmax"]

Array = NDArray[Any]
NodeFunction = Callable[[Sequence[Any]], list[Any]]


def given(array: Array | None) -> Array:
    """Return an operand that the op cannot do without."""
    assert array is not None
    return array


def batch_norm(node: Node) -> NodeFunction | None:
    """As ONNX Runtime rounds it: the textbook formula of ``onnx.reference`` differs at ties.

    Shorter floats than float32 are rounded once, at the end. None for the training mode.
    """
    if node.attributes.get("training_mode"):
        return None
    epsilon: Any = node.attributes.get("epsilon", 1e-5)

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x, *parameters = (given(array) for array in arrays)
        s, b = batch_norm_coefficients(parameters, epsilon)
        along_channels = (-1, *[1] * (x.ndim - 2))
        with np.errstate(all="ignore"):
            y = x.astype(s.dtype, copy=False) * s.reshape(along_channels)
            return [(y + b.reshape(along_channels)).astype(x.dtype, copy=False)]

    return run


def group_norm(node: Node) -> NodeFunction:
    """In float32, as the default ``stash_type`` says; ``onnx.reference`` cannot run it."""
    groups: Any = node.attributes["num_groups"]
    epsilon: Any = node.attributes.get("epsilon", 1e-5)

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x, scale, bias = (given(array) for array in arrays)
        wide = np.float64 if x.dtype == np.float64 else np.float32
        rows = x.astype(wide).reshape(x.shape[0], groups, -1)
        with np.errstate(all="ignore"):
            deviation = np.sqrt(rows.var(axis=2, keepdims=True) + wide(epsilon))
            normal = ((rows - rows.mean(axis=2, keepdims=True)) / deviation).reshape(x.shape)
            along_channels = (-1, *[1] * (x.ndim - 2))
            y = normal.astype(x.dtype) * scale.reshape(along_channels)
            return [(y + bias.reshape(along_channels)).astype(x.dtype)]

    return run


def log_softmax(node: Node) -> NodeFunction:
    """Stay finite for finite inputs; ``onnx.reference`` takes log of a softmax that may be 0."""
    axis: Any = node.attributes.get("axis", -1)

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x = given(arrays[0])
        with np.errstate(all="ignore"):
            shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
            return [shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))]

    return run
