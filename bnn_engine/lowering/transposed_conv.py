"""ConvTranspose."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Dim, Graph, Node
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import finish
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["ConvTranspose"]


class ConvTranspose(NativeOp):
    """``ConvTranspose`` with constant weights, along 1 to 3 axes, any groups."""

    def _weights(self, node: Node) -> NDArray[np.float32] | str:
        """[C, outputs / groups, kernel], or why the layer is not native."""
        value, rank = node.input(1), data_input(node).rank
        if value is None or value.const is None:
            return "the weights are not constant"
        if value.const.dtype != np.float32 or value.const.ndim != rank or rank not in (3, 4, 5):
            return "the weights are not float32 filters along 1 to 3 axes"
        groups = node.attributes.get("group", 1)
        if 0 in value.const.shape or not isinstance(groups, int) or groups < 1:
            return "the weights are empty"
        return value.const.astype(np.float32, copy=False)

    def _geometry(
        self, node: Node, kernel: tuple[int, ...]
    ) -> tuple[_core.Window, list[int]] | str:
        """The window and what is added behind, or why they are not known."""
        axes = len(kernel)
        given = node.attributes.get("kernel_shape", list(kernel))
        strides = _numbers(node, "strides", [1] * axes)
        dilations = _numbers(node, "dilations", [1] * axes)
        extra = _numbers(node, "output_padding", [0] * axes)
        if given != list(kernel) or strides is None or dilations is None or extra is None:
            return "its window is not that of the weights"
        cut = _cut(node, data_input(node).shape, kernel, strides, dilations, extra)
        if isinstance(cut, str):
            return cut
        pads, extra = cut
        if min(pads) < 0:
            return "negative padding"
        return _core.Window(kernel, strides, pads, dilations), extra

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        weights, bias = self._weights(node), node.input(2)
        if isinstance(weights, str):
            return weights
        if bias is not None and (bias.const is None or bias.const.dtype != np.float32):
            return "the bias is not constant"
        geometry = self._geometry(node, weights.shape[2:])
        return geometry if isinstance(geometry, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        weights, bias = self._weights(node), node.input(2)
        assert not isinstance(weights, str)
        channels, per_group, *kernel = weights.shape
        geometry = self._geometry(node, tuple(kernel))
        assert not isinstance(geometry, str)
        window, extra = geometry
        groups = node.attributes.get("group", 1)
        assert isinstance(groups, int)
        taps = math.prod(kernel)
        # [groups][taps][channels / groups][outputs / groups]
        split = weights.reshape(groups, channels // groups, per_group, taps)
        step = emitter.builder.conv_transpose(
            layer_name(node),
            emitter.channels_last(data_input(node)),
            np.ascontiguousarray(split.transpose(0, 3, 1, 2)),
            None if bias is None or bias.const is None else bias.const.astype(np.float32),
            channels,
            per_group * groups,
            groups,
            window,
            [0] * (len(kernel) == 1) + extra,
        )
        finish(node, Located(step, "channels_last"), emitter)


def _numbers(node: Node, name: str, default: list[int]) -> list[int] | None:
    got = node.attributes.get(name, default)
    if not isinstance(got, list) or len(got) != len(default):
        return None
    return [int(number) for number in got]


def _cut(
    node: Node,
    shape: tuple[Dim, ...] | None,
    kernel: tuple[int, ...],
    strides: list[int],
    dilations: list[int],
    extra: list[int],
) -> tuple[list[int], list[int]] | str:
    """What is cut off the result, all begins before all ends, and what is added behind.

    Without padding an axis has  (extent - 1) · stride + dilation · (kernel - 1) + 1 + extra
    positions; what exceeds ``output_shape``, or extent · stride with auto_pad SAME, is cut off, the
    odd one in front unless auto_pad is SAME_UPPER; what is missing is added behind.
    """
    mode, wanted = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get("output_shape")
    axes = len(kernel)
    if mode in ("NOTSET", "") and not isinstance(wanted, list):
        pads = _numbers(node, "pads", [0] * (2 * axes))
        return "the pads do not fit the window" if pads is None else (pads, extra)
    if mode == "VALID" and not isinstance(wanted, list):
        return [0] * (2 * axes), extra
    if shape is None or not all(isinstance(extent, int) for extent in shape[2:]):
        return "the extents of its input are not known"
    extents = [extent for extent in shape[2:] if isinstance(extent, int)]
    sizes = wanted if isinstance(wanted, list) else None
    if sizes is None:
        sizes = [extent * stride for extent, stride in zip(extents, strides, strict=True)]
    sizes = [int(size) for size in sizes][-axes:]
    begins, ends, added = [], [], []
    for axis, size in enumerate(sizes):
        reach = dilations[axis] * (kernel[axis] - 1) + 1 + extra[axis]
        excess = (extents[axis] - 1) * strides[axis] + reach - size
        total = max(excess, 0)
        added.append(extra[axis] + max(-excess, 0))
        small, large = total // 2, total - total // 2
        begins.append(small if mode == "SAME_UPPER" else large)
        ends.append(large if mode == "SAME_UPPER" else small)
    return begins + ends, added
