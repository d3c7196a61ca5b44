"""Pad."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_engine import _core
from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.forms import axes_of, constant_ints, finish, pick
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name
from bnn_engine.passes.facts import padding_value

__all__ = ["Pad"]

_MAX_PAD = 1 << 20


class Pad(NativeOp):
    """``Pad``: a frame of packed pixels around bits, else positions of elements."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        pads = _pads(node)
        if isinstance(pads, str):
            return pads
        mode = node.attributes.get("mode", "constant")
        if mode == "constant":
            return None if _fill(node) is not None else "the padding is not constant"
        indices = _mirrored(data_input(node), pads, str(mode))
        return indices if isinstance(indices, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        pads, value = _pads(node), data_input(node)
        mode = str(node.attributes.get("mode", "constant"))
        assert not isinstance(pads, str)
        if mode != "constant":
            indices = _mirrored(value, pads, mode)
            assert not isinstance(indices, str)
            finish(node, pick(node, value, indices, emitter), emitter)
            return
        fill, number = _fill(node), padding_value(node)
        assert fill is not None
        assert number is not None
        located = emitter.located(value)
        integer = _packed_pixel(located, number)
        if integer is not None and _is_frame(pads):
            # Lines are images of height 1.
            before, after = zip(*([(0, 0)] * (4 - len(pads)) + pads[2:]), strict=True)
            code = located.code.input_code()
            step = emitter.builder.pad_bits(
                layer_name(node), located.id, integer, before, after, code
            )
            finish(node, replace(located, id=step), emitter)
            return
        indices = [_core.AxisIndex.pad(*pad) if any(pad) else None for pad in pads]
        fills = any(max(pad) > 0 for pad in pads)
        finish(node, pick(node, value, indices, emitter, fill if fills else b""), emitter)


def _fill(node: Node) -> bytes | None:
    """The element that pads, None where it is not one constant of the tensor's type."""
    dtype, value = data_input(node).dtype, node.input(2)
    assert dtype is not None
    if value is None:
        return np.zeros((), dtype).tobytes()
    if value.const is None or value.const.size != 1 or value.const.dtype != dtype:
        return None
    return value.const.tobytes()


def _pads(node: Node) -> list[tuple[int, int]] | str:
    """Elements before and after along every axis, or why they are not known."""
    rank, numbers = data_input(node).rank, constant_ints(node.input(1))
    if not rank:
        return "a scalar is padded"
    axes = axes_of(node, 3, rank)
    if numbers is None or axes is None:
        return "the pads are not constant"
    axes = axes if node.input(3) is not None else list(range(rank))
    if len(numbers) != 2 * len(axes) or max(map(abs, numbers), default=0) > _MAX_PAD:
        return f"the pads are {numbers}"
    pads = [(0, 0)] * rank
    for axis, before, after in zip(axes, numbers, numbers[len(axes) :], strict=False):
        pads[axis] = (before, after)
    return pads


def _is_frame(pads: list[tuple[int, int]]) -> bool:
    """Whether the pads are pixels around images."""
    return not any(any(pad) for pad in pads[:2]) and min(min(pad) for pad in pads) >= 0


def _packed_pixel(located: Located, number: float) -> int | None:
    """What packed images hold for ``number``, None where they cannot or are none."""
    if not located.bits or located.form != "channels_last" or number not in located.code.values:
        return None
    return located.code.integer(located.code.values.index(number))


def _mirrored(
    value: Value, pads: list[tuple[int, int]], mode: str
) -> list[_core.AxisIndex | None] | str:
    """Where padding by elements of the tensor itself takes them from, or why that is not known."""
    if mode not in ("edge", "reflect", "wrap"):
        return f"mode {mode!r}"
    indices: list[_core.AxisIndex | None] = []
    assert value.shape is not None
    for extent, pad in zip(value.shape, pads, strict=True):
        if not any(pad):
            indices.append(None)
            continue
        if min(pad) < 0:
            return "negative padding by other elements"
        if not isinstance(extent, int) or extent < 1:
            return f"padding by other elements of an axis of extent {extent}"
        positions = np.pad(np.arange(extent), pad, mode=mode)  # type: ignore[call-overload]
        indices.append(_core.AxisIndex.list(extent, positions.astype(np.int64)))
    return indices
