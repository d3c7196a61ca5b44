"""Zeros that a Pad puts around an image become padding of the layer that reads it."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.facts import padding_value

__all__ = ["MergePads", "frame_of"]


@dataclass(frozen=True)
class _Match:
    x: Value
    pad: Node
    pads: list[int]


class MergePads(Rewrite[_Match]):
    """Conv(Pad(x, p), pads q) → Conv(x, pads p + q), and likewise for AveragePool.

    Both see the same windows of x surrounded by p + q zeros. The windows of a Conv do not depend
    on which zeros are padding. An AveragePool counts those of the Pad as pixels; so the merged one
    counts padding, and merges only if it has no padding of its own that it does not count.
    ``ceil_mode`` windows may end behind the padding, in cells that do not count: such a pool stays.
    """

    op_types = frozenset({"AveragePool", "Conv"})

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the Pad of zeros in front of ``node``, along spatial axes only."""
        del graph
        padded = node.input(0)
        pad = None if padded is None else padded.producer
        if pad is None or pad.domain or pad.op_type != "Pad":
            return None
        frame = frame_of(pad)
        if isinstance(frame, str):
            return Declined(frame)
        if padding_value(pad) != 0:
            return Declined("the padding is not 0")
        own = node.attributes.get("pads", [0] * len(frame))
        if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "") or not isinstance(
            own, list
        ):
            return Declined("it has automatic padding")
        if len(own) != len(frame):
            return Declined("its pads do not fit the image")
        pads = [a + b for a, b in zip(own, frame, strict=True)]
        if node.op_type == "AveragePool":
            kernel = node.attributes.get("kernel_shape")
            if node.attributes.get("ceil_mode", 0):
                return Declined("it rounds the number of windows up")
            if any(own) and not node.attributes.get("count_include_pad", 0):
                return Declined("it does not count its own padding")
            if not isinstance(kernel, list) or any(
                number >= kernel[axis % len(kernel)] for axis, number in enumerate(pads)
            ):
                return Declined("the padding is not smaller than the window")
        x = pad.inputs[0]
        assert x is not None
        return _Match(x, pad, pads)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Read the image and pad it in the layer."""
        graph.set_input(node, 0, match.x)
        node.attributes["pads"] = match.pads
        if node.op_type == "AveragePool":
            node.attributes["count_include_pad"] = 1
        node.origins = merged_origins(match.pad, node)


def frame_of(pad: Node) -> list[int] | str:
    """What a Pad adds along the spatial axes, all begins before all ends.

    Returns:
        The numbers, or why there are none: it changes other axes, cuts off, or is not constant.
    """
    x, numbers, axes = pad.input(0), pad.input(1), pad.input(3)
    if x is None or x.rank is None or numbers is None or numbers.const is None:
        return "the pads are not constant"
    order = list(range(x.rank))
    if axes is not None:
        if axes.const is None:
            return "the padded axes are not constant"
        order = [int(axis) % x.rank for axis in axes.const.reshape(-1)]
    pads = [int(number) for number in numbers.const.reshape(-1)]
    if len(pads) != 2 * len(order) or len(set(order)) != len(order):
        return "the pads do not fit the axes"
    begins, ends = [0] * x.rank, [0] * x.rank
    for place, axis in enumerate(order):
        begins[axis], ends[axis] = pads[place], pads[place + len(order)]
    if any(begins[:2]) or any(ends[:2]):
        return "batch or channels are padded"
    if min(*begins, *ends) < 0:
        return "it cuts off"
    return begins[2:] + ends[2:]
