"""What a lowering of one op type provides, and helpers that several of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.element_types import FLOAT32, ElementType
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import channel_operand, channel_steps
from bnn_engine.lowering.emitter import Emitter

__all__ = [
    "EpilogueSteps",
    "Interval",
    "NativeOp",
    "collect_steps",
    "data_input",
    "float_epilogue",
    "fused_origins",
    "interval_of",
    "layer_name",
    "same_shape",
    "window_of",
]

EpilogueSteps = list[tuple[str, NDArray[np.float32] | int]]
"""Steps of :data:`ChannelSteps`, and ("add_rows", value of the program)."""


class NativeOp(ABC):
    """Lowering of one or several op types to steps of a program.

    Attributes:
        types: element types that the variable inputs and the outputs may have; which of them go
            together is for :meth:`decline` to say.
    """

    types: Set[ElementType] = FLOAT32

    @abstractmethod
    def decline(self, node: Node) -> str | None:
        """Why the core cannot run ``node``, or None when it can."""

    @abstractmethod
    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """Add the steps of ``node``, which :meth:`decline` accepted, and place its output."""


def data_input(node: Node) -> Value:
    """The first input, which every op handled here has."""
    value = node.inputs[0]
    assert value is not None
    return value


def layer_name(node: Node) -> str:
    """The node's name, or its output's where the exporter gave none."""
    return node.name or node.output.name


def window_of(node: Node, kernel: Sequence[int] | None) -> _core.Window | str:
    """The window of a convolution or pooling node, or why there is none.

    Args:
        node: has the attributes strides, pads, dilations, auto_pad of ONNX.
        kernel: its extents along 1 to 3 spatial axes; a window along one axis is one of height 1
            over images of height 1.
    """
    auto_pad = node.attributes.get("auto_pad", "NOTSET")
    if auto_pad not in ("NOTSET", "VALID"):
        return f"auto_pad {auto_pad} on an image of unknown size"
    if kernel is None or not 1 <= len(kernel) <= 3:
        return "only windows along 1 to 3 axes are native"
    axes = len(kernel)
    numbers: dict[str, list[int]] = {}
    for name, default in (
        ("strides", [1] * axes),
        ("pads", [0] * 2 * axes),
        ("dilations", [1] * axes),
    ):
        got = node.attributes.get(name, default)
        if not isinstance(got, list) or len(got) != len(default):
            return f"attribute {name} is {got!r}"
        numbers[name] = [int(number) for number in got]
    if auto_pad == "VALID":
        numbers["pads"] = [0] * 2 * axes
    if min(numbers["pads"]) < 0:
        return "negative padding"
    return _core.Window(kernel, numbers["strides"], numbers["pads"], numbers["dilations"])


def same_shape(a: Value, b: Value) -> bool:
    """Whether both are known to have one shape."""
    return a.shape is not None and a.shape == b.shape and None not in a.shape


def collect_steps(
    value: Value,
    steps: EpilogueSteps,
    graph: Graph,
    emitter: Emitter,
    *,
    residuals: bool = False,
) -> tuple[Value, EpilogueSteps, list[Node]]:
    """The arithmetic that follows ``value`` and nothing else reads, as far as one step takes it.

    Args:
        value: what is computed so far.
        steps: how, after the accumulators.
        graph: the graph.
        emitter: the program under construction.
        residuals: also add tensors of the same shape that earlier steps compute.

    Returns:
        The value after it, all steps, and the nodes that the further steps stand for.
    """
    steps = list(steps)
    nodes: list[Node] = []
    while (node := graph.single_consumer(value)) is not None and emitter.owns(node):
        more: EpilogueSteps
        found = channel_steps(node)
        other = _residual(node, value, emitter) if residuals else None
        if found is not None and found[0] is value:
            more = list(found[1])
        elif other is not None:
            rows = emitter.plain(other) if other.rank == 2 else emitter.channels_last(other)
            more = [("add_rows", rows)]
        else:
            break
        if len(steps) + len(more) > _core.MAX_EPILOGUE_STEPS:
            break
        steps += more
        nodes.append(node)
        value = node.output
    return value, steps, nodes


def _residual(node: Node, value: Value, emitter: Emitter) -> Value | None:
    """The tensor that ``node`` adds to ``value``, if an earlier step computes it."""
    if (node.domain, node.op_type) != ("", "Add"):
        return None
    first, second = node.inputs
    other = second if first is value else first
    if other is None or not emitter.is_placed(other) or not same_shape(other, value):
        return None
    return other


def float_epilogue(
    steps: EpilogueSteps,
    channels: int | None = None,
    thresholds: _core.Thresholds | None = None,
    *,
    keep_floats: bool = True,
) -> _core.FloatEpilogue:
    """The core's form of ``steps``; operands are expanded to ``channels`` where that is given."""

    def expanded(operand: NDArray[np.float32] | int) -> NDArray[np.float32] | int:
        if channels is None or isinstance(operand, int):
            return operand
        return np.ascontiguousarray(np.broadcast_to(operand, channels))

    made = [(name, expanded(operand)) for name, operand in steps]
    return _core.FloatEpilogue(made, thresholds, keep_floats)


@dataclass(frozen=True)
class Interval:
    """What a Binarize node compares with, per channel; see :class:`_core.Thresholds`."""

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    inverted: bool

    def same_as(self, other: Interval) -> bool:
        """Whether both give the same signs."""
        return (
            self.inverted == other.inverted
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
        )

    def thresholds(self) -> _core.Thresholds:
        """The core's form."""
        return _core.Thresholds(self.lower, self.upper, self.inverted)


def interval_of(node: Node, value: Value, channels: int | None = None) -> Interval | None:
    """The interval of a Binarize node on ``value``, or None where it varies along other axes.

    One interval for all channels stays one, or is expanded to ``channels`` where that is given.
    """
    bounds: list[NDArray[np.float32]] = []
    for index in (1, 2):
        operand = channel_operand(node.input(index), value)
        if operand is None:
            return None
        bounds.append(operand)
    size = channels or max(bound.size for bound in bounds)
    lower, upper = (np.ascontiguousarray(np.broadcast_to(bound, size)) for bound in bounds)
    return Interval(lower, upper, node.attributes.get("inside", 1.0) == -1.0)


def fused_origins(node: Node, others: Sequence[Node]) -> tuple[str, ...]:
    """Original nodes that a step for ``node`` and ``others`` computes besides ``node`` itself."""
    merged = dict.fromkeys(origin for part in (node, *others) for origin in part.origins)
    return tuple(origin for origin in merged if origin not in node.origins[:1])
