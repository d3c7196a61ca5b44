"""Sign, and padding of signs."""

from __future__ import annotations

import numpy as np

from bnn_engine.element_types import NUMBERS
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.element_functions import ELEMENT_FUNCTIONS
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import NativeOp, data_input, fused_origins, layer_name
from bnn_engine.lowering.plane_code import grid_of_signs
from bnn_engine.lowering.summary import LayerSummary
from bnn_engine.passes.facts import padding_value

__all__ = ["PadSigns", "Sign"]


class Sign(NativeOp):
    """``Sign``: bits where only binary layers read it, else numbers."""

    types = NUMBERS

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        value, name = data_input(node), layer_name(node)
        rank = value.rank or 0
        bits = 2 <= rank <= 5 and value.dtype == np.float32 and not emitter.keep_nan
        if not bits or not _only_binary_layers_read(node.output, graph, emitter):
            ELEMENT_FUNCTIONS["Sign"].emit(node, graph, emitter)
            return
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, emitter.signs(name, value), layer, [node])


def _only_binary_layers_read(value: Value, graph: Graph, emitter: Emitter) -> bool:
    """True when every reader, behind flattening, takes bits."""
    if graph.is_output(value):
        return False
    for node in value.consumers:
        if not emitter.owns(node):
            return False
        if (node.domain, node.op_type) in (
            ("bnn_engine", "BinaryConv"),
            ("bnn_engine", "BinaryGemm"),
            ("bnn_engine", "LowBitConv"),
            ("bnn_engine", "LowBitGemm"),
        ):
            continue
        flattens = (node.domain, node.op_type) == ("", "Flatten")
        if not flattens or not _only_binary_layers_read(node.output, graph, emitter):
            return False
    return True


class PadSigns(NativeOp):
    """``Pad`` of an image of signs by -1 or +1: a frame of pixels around the packed ones."""

    def _frame(self, node: Node) -> tuple[list[int], list[int]] | None:
        """Pixels before and after along height and width."""
        pads, axes = node.input(1), node.input(3)
        if pads is None or pads.const is None or data_input(node).rank != 4:
            return None
        order = [0, 1, 2, 3]
        if axes is not None:
            if axes.const is None:
                return None
            order = [int(axis) % 4 for axis in axes.const.reshape(-1)]
        numbers = [int(pad) for pad in pads.const.reshape(-1)]
        if len(numbers) != 2 * len(order) or min(numbers, default=0) < 0:
            return None
        before, after = [0] * 4, [0] * 4
        for position, axis in enumerate(order):
            before[axis], after[axis] = numbers[position], numbers[position + len(order)]
        if any(before[:2]) or any(after[:2]) or max(*before, *after) > 1 << 20:
            return None
        return before[2:], after[2:]

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if padding_value(node) not in (-1.0, 1.0) or self._frame(node) is None:
            return "only images are padded, by -1 or +1"
        producer = data_input(node).producer
        if producer is None or (producer.domain, producer.op_type) != ("bnn_engine", "Binarize"):
            return "only signs are padded"
        return "NaN may pass" if producer.attributes.get("nan_passes", 0) != 0 else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        frame, number = self._frame(node), padding_value(node)
        assert frame is not None
        assert number is not None
        value, name = data_input(node), layer_name(node)
        packed = emitter.packed(value, grid_of_signs(value))
        step = emitter.builder.pad_bits(
            name, packed.id, int(number), *frame, packed.code.input_code()
        )
        located = Located(step, "channels_last", bits=True)
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])
