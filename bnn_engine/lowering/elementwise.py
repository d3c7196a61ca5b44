"""Float arithmetic per channel."""

from __future__ import annotations

import numpy as np

from bnn_engine.element_types import ALL_TYPES
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import ChannelSteps, channel_steps
from bnn_engine.lowering.element_functions import ELEMENT_FUNCTIONS
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    EpilogueSteps,
    NativeOp,
    collect_steps,
    float_epilogue,
    fused_origins,
    layer_name,
)
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Arithmetic"]


class Arithmetic(NativeOp):
    """Float32 arithmetic with per-channel constants, together with more of it that follows.

    Everything else that an op type of the kind may be is left to ``ELEMENT_FUNCTIONS``.
    """

    types = ALL_TYPES

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if _per_channel(node) is not None:
            return None
        general = ELEMENT_FUNCTIONS.get(node.op_type)
        return (
            "operands are not constants per channel" if general is None else general.decline(node)
        )

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        found = _per_channel(node)
        if found is None:
            ELEMENT_FUNCTIONS[node.op_type].emit(node, graph, emitter)
            return
        name = layer_name(node)
        data, steps = found[0], EpilogueSteps(found[1])
        value, others = node.output, list[Node]()
        image = _stored_by_pixels(data, steps, emitter)
        if image or data.rank == 2:
            value, steps, others = collect_steps(value, steps, graph, emitter)
        rows = emitter.channels_last(data) if image else emitter.plain(data)
        step = emitter.builder.channel_arithmetic(name, rows, float_epilogue(steps))
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, others))
        located = Located(step, "channels_last" if image else "plain")
        emitter.finish_layer(value, located, layer, [node, *others])


def _per_channel(node: Node) -> tuple[Value, ChannelSteps] | None:
    """The data input and its steps, None where channels are not the last stored axis."""
    found = channel_steps(node)
    if found is None or found[0].dtype != np.float32:
        return None
    rank = found[0].rank
    return None if _differ(found[1]) and (rank is None or not 2 <= rank <= 5) else found


def _differ(steps: EpilogueSteps | ChannelSteps) -> bool:
    """Whether a step has an operand per channel."""
    return any(not isinstance(operand, int) and operand.size > 1 for _, operand in steps)


def _stored_by_pixels(value: Value, steps: EpilogueSteps, emitter: Emitter) -> bool:
    """Whether to take ``value`` with its channels last: as it is, unless ``steps`` need them."""
    if value.rank == 4:
        return True
    image = value.rank in (3, 5)
    return image and (_differ(steps) or emitter.located(value).form == "channels_last")
