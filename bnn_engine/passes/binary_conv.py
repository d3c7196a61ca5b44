"""Convolutions with weights of a few bits."""

from __future__ import annotations

import math

import numpy as np

from bnn_engine.graph.graph import Attribute, Dim, Graph, Node
from bnn_engine.ops import OPS, packed_bytes
from bnn_engine.passes.base import Declined
from bnn_engine.passes.binary_layers import BinaryLayer, BinaryLayerRewrite, layer_input
from bnn_engine.passes.facts import describe
from bnn_engine.passes.weight_rows import split_rows

__all__ = ["BinaryConvolutions"]


class BinaryConvolutions(BinaryLayerRewrite):
    """Conv(x, W, b) → BinaryConv, LowBitConv or BinaryWeightConv, Mul, Add.

    The algebra is that of :class:`BinaryLayerRewrite`; padding is the value 0 on both sides.
    Automatic padding becomes numbers.
    """

    op_types = frozenset({"Conv"})
    op_name = "Conv"

    def match(self, graph: Graph, node: Node) -> BinaryLayer | Declined | None:
        """Return a convolution whose weights are a few levels in every output channel.

        In groups only where its inputs are, too.
        """
        del graph
        x, w, bias = node.input(0), node.input(1), node.input(2)
        assert x is not None
        assert w is not None
        if w.const is None:
            return Declined(f"weights are not constant: {describe(w)}")
        if not 3 <= w.const.ndim <= 5:
            return Declined(f"{w.const.ndim - 2}-D convolution")
        if x.dtype != np.float32 or x.rank != w.const.ndim:
            return Declined(f"input is {x.dtype} of rank {x.rank}")
        if bias is not None and bias.const is None:
            return Declined(f"bias is not constant: {describe(bias)}")
        channels, kernel = w.const.shape[1], list(w.const.shape[2:])
        if node.attributes.get("kernel_shape", kernel) != kernel or x.shape is None:
            return Declined("kernel_shape is not that of the weights")
        ones = [1] * len(kernel)
        attributes: dict[str, Attribute] = {
            "channels": channels,
            "group": node.attributes.get("group", 1),
            "kernel_shape": kernel,
            "strides": node.attributes.get("strides", ones),
            "dilations": node.attributes.get("dilations", ones),
        }
        attributes["pads"] = explicit_pads(node, x.shape[2:], kernel)
        if attributes["pads"] is None:
            return Declined("automatic padding of an input of unknown size")
        weights = split_rows(w.const)
        if isinstance(weights, str):
            return Declined(weights)
        bits = (len(w.const), packed_bytes(channels * math.prod(kernel)))
        problem = OPS["BinaryConv"].problem(
            [x.dtype, np.dtype(np.uint8)], [x.shape, bits], attributes
        )
        if problem is not None:
            return Declined(problem)
        source = layer_input(x, weights, attributes)
        if isinstance(source, str):
            return Declined(source)
        added = None if bias is None or bias.const is None else bias.const.astype(np.float32)
        return BinaryLayer(x, source, weights, attributes, added)


def explicit_pads(node: Node, spatial: tuple[Dim, ...], kernel: list[int]) -> list[int] | None:
    """Return padding of a Conv or pooling node as numbers, all begins before all ends.

    Args:
        node: its attributes ``auto_pad``, ``pads``, ``strides`` and ``dilations`` count.
        spatial: extents of the input, channels left out.
        kernel: extents of the window.

    Returns:
        2 * len(kernel) numbers; None where automatic padding depends on an unknown extent, or its
        window makes no sense.
    """
    rank = len(kernel)
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = node.attributes.get("pads", [0] * (2 * rank))
        return list(pads) if isinstance(pads, list) else None
    if mode == "VALID":
        return [0] * (2 * rank)
    strides = node.attributes.get("strides", [1] * rank)
    dilations = node.attributes.get("dilations", [1] * rank)
    assert isinstance(strides, list)
    assert isinstance(dilations, list)
    if not len(spatial) == len(strides) == len(dilations) == rank:
        return None
    if min([*strides, *dilations], default=1) < 1:
        return None
    begins, ends = [], []
    for extent, window, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True):
        if not isinstance(extent, int):
            return None
        positions = -(-extent // stride)
        total = max((positions - 1) * stride + dilation * (window - 1) + 1 - extent, 0)
        small, large = total // 2, total - total // 2
        begins.append(small if mode == "SAME_UPPER" else large)
        ends.append(large if mode == "SAME_UPPER" else small)
    return begins + ends
