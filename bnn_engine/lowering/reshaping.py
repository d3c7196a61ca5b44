"""Views, Transpose, Identity, Cast: the elements stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_engine.element_types import ALL_TYPES, element_type
from bnn_engine.graph import Graph, Node
from bnn_engine.lowering.emitter import Emitter, Form, Located
from bnn_engine.lowering.forms import element_of, finish, target_of
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name

__all__ = ["Cast", "Identity", "Reshape", "SpaceAndDepth", "Transpose"]


class Reshape(NativeOp):
    """``Reshape`` to a constant, ``Flatten``, ``Squeeze`` and ``Unsqueeze``.

    Flattening an image moves nothing.
    """

    types = ALL_TYPES

    def _target(self, node: Node) -> list[int] | None:
        if node.op_type == "Flatten" and node.attributes.get("axis", 1) == 1:
            return [0, -1]
        if node.op_type != "Reshape":
            return target_of(data_input(node), node.output.shape)
        shape = node.input(1)
        if shape is None or shape.const is None or shape.const.ndim != 1:
            return None
        target = [int(dim) for dim in shape.const.astype(np.int64)]
        if node.attributes.get("allowzero", 0) != 0 and 0 in target:
            return None
        return target

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        target = self._target(node)
        if target is None:
            return "the shape of the result is not known"
        if min(target, default=0) < -1 or target.count(-1) > 1 or len(target) > 8:
            return f"the target shape is {target}"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        target = self._target(node)
        assert target is not None
        value, name = data_input(node), layer_name(node)
        located = emitter.located(value)
        if located.form == "channels_last" and value.shape is not None and value.rank == 4:
            _, channels, height, width = value.shape
            if (
                isinstance(channels, int)
                and isinstance(height, int)
                and isinstance(width, int)
                and target
                in ([0, -1], [0, channels * height * width], [-1, channels * height * width])
            ):
                image = (channels, height, width)
                step = located.id
                if not located.bits:
                    step = emitter.builder.reshape(name, step, [0, channels * height * width])
                finish(node, replace(located, id=step, form="flattened", image=image), emitter)
                return
        plain = emitter.plain_numbers(value)
        step = emitter.builder.reshape(name, plain.id, target)
        finish(node, replace(plain, id=step), emitter)


class SpaceAndDepth(NativeOp):
    """``DepthToSpace`` and ``SpaceToDepth``: blocks of pixels become channels, or come of them.

    With an image's axes split as [N, H, i, W, j, ...] the offset (i, j) in a block is one more axis
    of the channels: in front of them, or behind them in mode CRD.
    """

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        shape, block = data_input(node).shape, node.attributes.get("blocksize")
        if shape is None or len(shape) != 4 or not isinstance(block, int) or block < 1:
            return "it is no image of blocks"
        _, channels, height, width = shape
        if not (isinstance(channels, int) and isinstance(height, int) and isinstance(width, int)):
            return "an image of unknown extents"
        to_space = node.op_type == "DepthToSpace"
        if 0 in (channels, height, width):
            return "an empty image"
        if channels % block**2 if to_space else height % block or width % block:
            return f"blocks of {block} do not fit into {list(shape)}"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name, builder = data_input(node), layer_name(node), emitter.builder
        block, shape = node.attributes["blocksize"], value.shape
        assert isinstance(block, int)
        assert shape is not None
        channels, height, width = (int(extent) for extent in shape[1:] if extent is not None)
        step = emitter.plain(value)
        if node.op_type == "DepthToSpace":
            depth = channels // block**2
            if node.attributes.get("mode", "DCR") == "CRD":
                split, order = [0, depth, block, block, height, width], [0, 1, 4, 2, 5, 3]
            else:
                split, order = [0, block, block, depth, height, width], [0, 3, 4, 1, 5, 2]
            target = [0, depth, height * block, width * block]
        else:
            rows, columns = height // block, width // block
            split = [0, channels, rows, block, columns, block]
            in_front = node.attributes.get("mode", "DCR") == "DCR"
            order = [0, 3, 5, 1, 2, 4] if in_front else [0, 1, 3, 5, 2, 4]
            target = [0, channels * block**2, rows, columns]
        step = builder.reshape(name, step, split)
        step = builder.reshape(name, builder.permute(name, step, order), target)
        finish(node, Located(step, "plain", element=element_of(value)), emitter)


class Transpose(NativeOp):
    """``Transpose`` of numbers; moving the channels of an image only renames how it is stored."""

    types = ALL_TYPES

    def _order(self, node: Node) -> list[int]:
        rank = data_input(node).rank
        assert rank is not None
        order = node.attributes.get("perm", list(range(rank))[::-1])
        return [int(axis) for axis in order] if isinstance(order, list) else []

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank = data_input(node).rank
        valid = bool(rank) and sorted(self._order(node)) == list(range(rank or 0))
        return None if valid else f"perm is {self._order(node)}"

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, order = data_input(node), self._order(node)
        form, rank = emitter.located(value).form, len(order)
        last, first = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]
        channels = (
            None if value.shape is None else value.shape[1 if form == "channels_last" else -1]
        )
        if form == "channels_last" and order == last and isinstance(channels, int):
            _rename(node, "plain", [0, -1, channels], emitter)
        elif form == "plain" and 3 <= rank <= 5 and order == first and isinstance(channels, int):
            _rename(node, "channels_last", [0, 1, -1, channels], emitter)
        else:
            plain = emitter.plain_numbers(value)
            step = emitter.builder.permute(layer_name(node), plain.id, order)
            finish(node, replace(plain, id=step), emitter)


def _rename(node: Node, form: Form, lines: list[int], emitter: Emitter) -> None:
    """Let the output be the same memory in another form; ``lines`` is its shape for rank 3."""
    located = emitter.numbers(data_input(node))
    step = located.id
    if node.output.rank == 3:
        step = emitter.builder.reshape(layer_name(node), step, lines)
    finish(node, replace(located, id=step, form=form), emitter)


class Identity(NativeOp):
    """``Identity``: another name for the same memory."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        finish(node, emitter.located(data_input(node)), emitter)


class Cast(NativeOp):
    """``Cast``, ``CastLike``; bytes that become float32 stay stored as the integers they are."""

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name = data_input(node), layer_name(node)
        to = element_type(node.output.dtype)
        assert to is not None
        located = emitter.elements(value)
        if located.element == "bool" and to == "f32":
            to = "u8"
        if located.element != to and not (located.integers and to == "f32"):
            step = emitter.builder.cast(name, located.id, to)
            located = replace(located, id=step, element=to)
        finish(node, located, emitter)
