"""What follows the accumulators of a dense or convolution layer inside the same step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bnn_engine import _core
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import ChannelSteps
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    EpilogueSteps,
    Interval,
    collect_steps,
    float_epilogue,
    fused_origins,
    interval_of,
    layer_name,
)
from bnn_engine.lowering.plane_code import SIGNS, PlaneCode
from bnn_engine.lowering.quantization import Levels, levels_of
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Epilogue", "LayerTail", "finish_layer", "layer_tail", "pixels"]

Epilogue = _core.FloatEpilogue | _core.Thresholds | _core.BitPlanes
Form = Literal["plain", "channels_last"]


@dataclass(frozen=True)
class LayerTail:
    """The epilogue of a layer.

    Attributes:
        epilogue: the core's form of it.
        nodes: what it stands for.
        floats: the value that the step stores as floats, or None.
        packed: equal values that it stores as bits, after the floats.
        form: how it stores them, "channels_last" for an image.
        code: what the bits stand for.
    """

    epilogue: Epilogue
    nodes: list[Node]
    floats: Value | None
    packed: list[Value]
    form: Form
    code: PlaneCode = SIGNS


def layer_tail(
    node: Node,
    outputs: int,
    bias: ChannelSteps,
    graph: Graph,
    emitter: Emitter,
    form: Form,
    *,
    to_bits: bool = True,
    sums_hold_nan: bool = True,
) -> LayerTail:
    """Arithmetic and thresholds after ``node``, as far as the layer's step can take them.

    Args:
        node: the layer.
        outputs: its output channels.
        bias: what it adds to the accumulators.
        graph: the graph.
        emitter: the program under construction.
        form: how the step stores its output.
        to_bits: whether the step can store bits.
        sums_hold_nan: whether accumulators may be NaN, which bits cannot hold.
    """
    value, steps = node.output, EpilogueSteps(bias)
    # Both act along axis 1; the step's outputs are the last stored axis.
    if form != "channels_last" and value.rank != 2:
        return LayerTail(float_epilogue(steps, outputs), [], value, [], form)
    value, steps, nodes = collect_steps(value, steps, graph, emitter, residuals=True)
    readers = _Readers(value, outputs, emitter, sums_hold_nan) if to_bits else None
    if readers is not None and not steps and not graph.is_output(value):
        levels, quantizations = readers.quantizations()
        if levels is not None and len(quantizations) == len(value.consumers):
            planes = levels.planes(layer_name(node), outputs)
            packed = [quantization.output for quantization in quantizations]
            return LayerTail(planes, [*nodes, *quantizations], None, packed, form, levels.code)
    interval, comparisons = readers.comparisons() if readers is not None else (None, [])
    if interval is None:
        return LayerTail(float_epilogue(steps, outputs), nodes, value, [], form)
    compared = {id(comparison) for comparison in comparisons}
    others = any(id(consumer) not in compared for consumer in value.consumers)
    keep_floats = others or graph.is_output(value)
    thresholds = interval.thresholds()
    # Bare accumulators are compared as they are.
    epilogue: Epilogue = thresholds
    if steps or keep_floats:
        epilogue = float_epilogue(steps, outputs, thresholds, keep_floats=keep_floats)
    return LayerTail(
        epilogue,
        [*nodes, *comparisons],
        value if keep_floats else None,
        [comparison.output for comparison in comparisons],
        form,
    )


@dataclass(frozen=True)
class _Readers:
    """What packs the bits of a layer's result."""

    value: Value
    outputs: int
    emitter: Emitter
    sums_hold_nan: bool

    def _of(self, op_type: str) -> list[Node]:
        return [
            node
            for node in self.value.consumers
            if (node.domain, node.op_type) == ("bnn_engine", op_type)
            and self.emitter.owns(node)
            and not (self._keeps_nan() and node.attributes.get("nan_passes", 0) != 0)
        ]

    def _keeps_nan(self) -> bool:
        return self.sums_hold_nan or self.emitter.keep_nan

    def comparisons(self) -> tuple[Interval | None, list[Node]]:
        """The Binarize nodes that give the same bits as the first, and their interval."""
        first: Interval | None = None
        nodes: list[Node] = []
        for node in self._of("Binarize"):
            interval = interval_of(node, self.value, self.outputs)
            if interval is not None and (first is None or interval.same_as(first)):
                first = interval
                nodes.append(node)
        return first, nodes

    def quantizations(self) -> tuple[Levels | None, list[Node]]:
        """The Quantize nodes that give the same planes as the first, and their levels."""
        first: Levels | None = None
        nodes: list[Node] = []
        for node in self._of("Quantize"):
            levels = levels_of(node)
            if not isinstance(levels, str) and (first is None or levels.same_as(first)):
                first = levels
                nodes.append(node)
        return first, nodes


def finish_layer(
    node: Node,
    tail: LayerTail,
    step: int,
    kind: str,
    macs: int,
    graph: Graph,
    emitter: Emitter,
) -> None:
    """Record that step ``step`` computes ``node`` with its ``tail``.

    ``kind`` and ``macs`` are those of the summary: all operands of a layer that is neither "float"
    nor of 8 or 32 bits are planes of bits.
    """
    binary = not kind.endswith(("float", "A8", "A32"))
    layer = LayerSummary(
        layer_name(node),
        node.op_type,
        kind,
        fused=fused_origins(node, tail.nodes),
        binary_macs=macs if binary else 0,
        float_macs=0 if binary else macs,
        reason=graph.reasons.get(node.output.name, ""),
    )
    stored: list[tuple[Value, Located]] = []
    if tail.floats is not None:
        stored.append((tail.floats, Located(step, tail.form)))
    bits = Located(step + len(stored), tail.form, bits=True, code=tail.code)
    stored += [(value, bits) for value in tail.packed]
    for value, located in stored[1:]:
        emitter.place(value, located)
    emitter.finish_layer(*stored[0], layer, [node, *tail.nodes])


def pixels(value: Value) -> int:
    """Output pixels per sample, 0 where the image size is not fixed."""
    assert value.shape is not None
    total = 1
    for dim in value.shape[2:]:
        total *= dim if isinstance(dim, int) else 0
    return total
