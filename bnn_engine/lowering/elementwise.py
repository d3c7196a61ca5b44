"""Element-wise float arithmetic."""

from __future__ import annotations

from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import channel_steps
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    EpilogueSteps,
    NativeOp,
    collect_steps,
    float_epilogue,
    fused_origins,
    layer_name,
    same_shape,
)
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Arithmetic"]


class Arithmetic(NativeOp):
    """Arithmetic with per-channel constants, or of two tensors of one shape."""

    def _tensors(self, node: Node) -> tuple[Value, Value] | None:
        """Both operands where neither is constant."""
        if node.op_type not in ("Add", "Sub", "Mul", "Div"):
            return None
        a, b = node.inputs
        if a is None or b is None or a.const is not None or b.const is not None:
            return None
        return a, b

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        tensors = self._tensors(node)
        if tensors is not None:
            return None if same_shape(*tensors) else "operands of different shapes"
        found = channel_steps(node)
        if found is None:
            return "operands are not constants per channel"
        per_channel = any(operand.size > 1 for _, operand in found[1])
        if per_channel and found[0].rank not in (2, 4):
            return "channels are not the last stored axis"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        name = layer_name(node)
        tensors = self._tensors(node)
        if tensors is not None:
            image = node.output.rank == 4
            a, b = (emitter.rows(value) for value in tensors)
            step = emitter.builder.tensor_arithmetic(name, node.op_type, a, b)
            layer = LayerSummary(name, node.op_type, fused=fused_origins(node, ()))
            located = Located(step, "channels_last" if image else "plain")
            emitter.finish_layer(node.output, located, layer, [node])
            return
        found = channel_steps(node)
        assert found is not None
        data, steps = found[0], EpilogueSteps(found[1])
        value, others = node.output, list[Node]()
        if data.rank in (2, 4):
            value, steps, others = collect_steps(value, steps, graph, emitter)
        step = emitter.builder.channel_arithmetic(name, emitter.rows(data), float_epilogue(steps))
        layer = LayerSummary(name, node.op_type, fused=fused_origins(node, others))
        located = Located(step, "channels_last" if data.rank == 4 else "plain")
        emitter.finish_layer(value, located, layer, [node, *others])
