"""What a lowering of one op type provides, and helpers that several of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.channels import EpilogueSteps, channel_operand, channel_steps
from bnn_engine.lowering.emitter import Emitter

__all__ = [
    "NativeOp",
    "collect_steps",
    "data_input",
    "float_epilogue",
    "fused_origins",
    "layer_name",
    "thresholds_of",
    "window_of",
]


class NativeOp(ABC):
    """Lowering of one or several op types to steps of a program."""

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
    """The 2-D window of a convolution or pooling node, or why there is none.

    Args:
        node: has the attributes strides, pads, dilations, auto_pad of ONNX.
        kernel: (height, width).
    """
    auto_pad = node.attributes.get("auto_pad", "NOTSET")
    if auto_pad not in ("NOTSET", "VALID"):
        return f"auto_pad {auto_pad} on an image of unknown size"
    if kernel is None or len(kernel) != 2:
        return "only 2-D windows are native"
    numbers: dict[str, list[int]] = {}
    for name, default in (("strides", [1, 1]), ("pads", [0] * 4), ("dilations", [1, 1])):
        got = node.attributes.get(name, default)
        if not isinstance(got, list) or len(got) != len(default):
            return f"attribute {name} is {got!r}"
        numbers[name] = [int(number) for number in got]
    if auto_pad == "VALID":
        numbers["pads"] = [0] * 4
    if min(numbers["pads"]) < 0:
        return "negative padding"
    return _core.Window(
        (kernel[0], kernel[1]),
        tuple(numbers["strides"]),
        tuple(numbers["pads"]),
        tuple(numbers["dilations"]),
    )


def collect_steps(
    value: Value, graph: Graph, emitter: Emitter
) -> tuple[Value, EpilogueSteps, list[Node]]:
    """The per-channel arithmetic that follows ``value`` and nothing else reads.

    Returns:
        The value after it, the steps, and the nodes they stand for.
    """
    steps: EpilogueSteps = []
    nodes: list[Node] = []
    while (node := graph.single_consumer(value)) is not None and emitter.owns(node):
        found = channel_steps(node)
        if found is None or found[0] is not value:
            break
        steps += found[1]
        nodes.append(node)
        value = node.output
    return value, steps, nodes


def float_epilogue(steps: EpilogueSteps, channels: int | None = None) -> _core.FloatEpilogue:
    """The core's form of ``steps``; operands are expanded to ``channels`` where that is given."""
    if channels is None:
        return _core.FloatEpilogue(steps)
    return _core.FloatEpilogue(
        [
            (name, np.ascontiguousarray(np.broadcast_to(operand, channels)))
            for name, operand in steps
        ]
    )


def thresholds_of(node: Node, value: Value, channels: int | None = None) -> _core.Thresholds | None:
    """The thresholds of a Binarize node on ``value``, or None where they vary along other axes.

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
    return _core.Thresholds(lower, upper, node.attributes.get("inside", 1.0) == -1.0)


def fused_origins(node: Node, others: Sequence[Node]) -> tuple[str, ...]:
    """Original nodes that a step for ``node`` and ``others`` computes besides ``node`` itself."""
    merged = dict.fromkeys(origin for part in (node, *others) for origin in part.origins)
    return tuple(origin for origin in merged if origin not in node.origins[:1])
