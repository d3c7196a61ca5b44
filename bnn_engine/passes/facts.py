"""What can be proven about values: constants, uniform tensors, sets of possible values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Dim, Node, Value
from bnn_engine.ops import DOMAIN

__all__ = [
    "channel_vector",
    "describe",
    "is_bipolar",
    "is_ternary",
    "padding_value",
    "per_channel_shape",
    "possible_values",
    "uniform_value",
    "windows_are_inside",
]

BIPOLAR = frozenset({-1.0, 1.0})
TERNARY = frozenset({-1.0, 0.0, 1.0})

# Ops whose output consists of elements of their first input only.
_SELECTING = frozenset(
    {
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Identity",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)


# Ops whose elements are a function of one element of their first input each.
_ELEMENTWISE: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "Neg": np.negative,
    "Relu": lambda levels: np.maximum(levels, np.float32(0)),
    "Sign": np.sign,
}

_ARITHMETIC: dict[str, Callable[..., NDArray[np.float32]]] = {
    "Add": np.add,
    "Div": np.divide,
    "Mul": np.multiply,
    "Sub": np.subtract,
}

_MAX_POSSIBLE = 16
_PROBE = 4096


def describe(value: Value) -> str:
    """Where ``value`` comes from, for messages."""
    if value.const is not None:
        return f"constant {value.name!r}"
    if value.producer is None:
        return f"graph input {value.name!r}"
    name = value.producer.name or value.name
    return f"comes from {value.producer.op_type} {name!r}"


def uniform_value(value: Value | None) -> float | None:
    """Return the number that every element of ``value`` equals, None where there is none."""
    negate = False
    while value is not None and value.const is None:
        node = value.producer
        if node is None or node.domain:
            return None
        if node.op_type == "ConstantOfShape":
            fill = np.asarray(node.attributes.get("value", np.float32(0)))
            return -float(fill.reshape(-1)[0]) if negate else float(fill.reshape(-1)[0])
        if node.op_type == "Neg":
            negate = not negate
        elif node.op_type not in _SELECTING:
            return None
        value = node.input(0)
    if value is None or value.const is None:
        return None
    array = value.const
    if array.size == 0 or array.dtype.kind not in "fiu" or not (array == array.flat[0]).all():
        return None
    return -float(array.flat[0]) if negate else float(array.flat[0])


def is_bipolar(value: Value) -> bool:
    """Return whether every element of ``value`` provably is -1 or +1, where no NaN was read."""
    return _takes(value, BIPOLAR)


def is_ternary(value: Value) -> bool:
    """Return whether every element of ``value`` provably is -1, 0 or +1, where no NaN was read."""
    return _takes(value, TERNARY)


def _takes(value: Value, levels: frozenset[float]) -> bool:
    possible = possible_values(value)
    return possible is not None and levels.issuperset(possible.tolist())


def possible_values(value: Value) -> NDArray[np.float32] | None:
    """Return what the elements of ``value`` can be where no NaN was read.

    Returns:
        Distinct finite numbers in ascending order, at most 16 of them, without a negative zero;
        None where they are not known to be so few.
    """
    known: dict[int, NDArray[np.float32] | None] = {}
    waiting = [value]
    while waiting:
        current = waiting[-1]
        sources = _element_sources(current)
        unknown = [source for source in sources if id(source) not in known]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        if id(current) in known:
            continue
        known[id(current)] = _possible(current, [known[id(source)] for source in sources])
    return known[id(value)]


def _element_sources(value: Value) -> list[Value]:
    """Values from whose elements :func:`_possible` tells those of ``value``."""
    node = value.producer
    if value.const is not None or node is None or node.domain:
        return []
    inputs = [source for source in node.inputs if source is not None]
    if node.op_type == "Concat":
        return inputs
    if node.op_type in _ARITHMETIC:
        return [source for source in inputs if uniform_value(source) is None]
    follows = node.op_type in _ELEMENTWISE or node.op_type in _SELECTING
    return inputs[:1] if follows or node.op_type in ("MaxPool", "Pad") else []


def _possible(
    value: Value, sources: Sequence[NDArray[np.float32] | None]
) -> NDArray[np.float32] | None:
    """:func:`possible_values` of ``value`` from that of its sources."""
    node = value.producer
    if value.const is not None:
        return _few(value.const)
    if node is None:
        return None
    if node.domain == DOMAIN:
        levels = {"Binarize": [-1.0, 1.0], "Quantize": node.attributes.get("values")}
        return (
            _few(np.asarray(levels[node.op_type], np.float32)) if node.op_type in levels else None
        )
    if node.op_type == "Sign" and sources[0] is None:
        x = node.inputs[0]
        positive = x is not None and x.producer is not None and x.producer.op_type == "Relu"
        return np.array([0, 1] if positive else [-1, 0, 1], np.float32)
    known = [source for source in sources if source is not None]
    if not known or len(known) != len(sources):
        return None
    if node.op_type == "Concat":
        return _few(np.concatenate(known))
    if node.op_type in _ARITHMETIC:
        return _of_arithmetic(node, known)
    if node.op_type in _ELEMENTWISE:
        return _few(_ELEMENTWISE[node.op_type](known[0]))
    if node.op_type == "Pad":
        padding = padding_value(node)
        return None if padding is None else _few(np.append(known[0], np.float32(padding)))
    if node.op_type == "MaxPool" and not (value is node.output and windows_are_inside(node)):
        return None
    return known[0]


def _of_arithmetic(node: Node, known: list[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    """Values of ``node``: one operand takes those ``known``, the other one is uniform."""
    if len(known) != 1 or node.output.dtype != np.float32:
        return None
    uniform = [None if source is None else uniform_value(source) for source in node.inputs]
    operands = [known[0] if number is None else np.float32(number) for number in uniform]
    with np.errstate(all="ignore"):
        return _few(_ARITHMETIC[node.op_type](*operands))


def _few(array: NDArray[Any]) -> NDArray[np.float32] | None:
    """The distinct elements of ``array``, None where they are too many or not finite."""
    for part in (array.reshape(-1)[:_PROBE], array):  # weights rarely need more than the probe
        distinct = np.unique(part)
        if not 0 < distinct.size <= _MAX_POSSIBLE or distinct.dtype.kind not in "biuf":
            return None
    numbers = distinct.astype(np.float32)
    if not np.isfinite(numbers).all() or (numbers != distinct).any():
        return None
    return np.unique(numbers + np.float32(0))  # -0 + 0 is 0


def padding_value(node: Node) -> float | None:
    """What a Pad node puts around its input, None where that is not one known number."""
    if node.attributes.get("mode", "constant") != "constant":
        return None
    value = node.input(2)
    if value is None:
        return 0.0
    if value.const is None or value.const.size != 1:
        return None
    return float(value.const.reshape(()))


def windows_are_inside(node: Node) -> bool:
    """Return whether every window of a pooling ``node`` holds at least one real element.

    Along an axis of n elements, window i starts at i·stride - pad and has the elements
    i·stride - pad + d·k for k = 0 … kernel - 1.
    """
    source = node.input(0)
    kernel = node.attributes.get("kernel_shape")
    if source is None or not isinstance(kernel, list) or not isinstance(node.output.shape, tuple):
        return False
    ones = [1] * len(kernel)
    strides = node.attributes.get("strides", ones)
    dilations = node.attributes.get("dilations", ones)
    pads = node.attributes.get("pads", [0] * (2 * len(kernel)))
    auto_pad = node.attributes.get("auto_pad", "NOTSET")
    assert isinstance(strides, list)
    assert isinstance(dilations, list)
    assert isinstance(pads, list)
    if auto_pad == "VALID" or (auto_pad == "NOTSET" and not any(pads)):
        if not node.attributes.get("ceil_mode", 0):
            return True
        pads = [0] * (2 * len(kernel))
    elif auto_pad != "NOTSET":
        return False
    if source.shape is None or len(source.shape) != len(kernel) + 2:
        return False
    for axis, (size, count) in enumerate(zip(source.shape[2:], node.output.shape[2:], strict=True)):
        if not isinstance(size, int) or not isinstance(count, int):
            return False
        starts = np.arange(count)[:, None] * strides[axis] - pads[axis]
        elements = starts + np.arange(kernel[axis]) * dilations[axis]
        if not ((elements >= 0) & (elements < size)).any(axis=1).all():
            return False
    return True


def channel_vector(
    array: NDArray[Any] | None, shape: tuple[Dim, ...] | None
) -> NDArray[Any] | None:
    """Return a constant operand as one number per channel of the other operand.

    Args:
        array: the constant, broadcast against a tensor of ``shape`` without enlarging it.
        shape: shape of the other operand, channels along axis 1; None where unknown.

    Returns:
        [C], or [1] for a single number; None where it is something else.
    """
    if array is None:
        return None
    rank = 0 if shape is None else len(shape)
    if array.size == 1 and array.ndim <= rank:
        return array.reshape(1)
    extents = (1,) * (rank - array.ndim) + array.shape
    if shape is None or array.ndim > rank or rank < 2 or extents[1] != shape[1]:
        return None
    return array.reshape(-1) if array.size == extents[1] else None


def per_channel_shape(rank: int | None) -> tuple[int, ...]:
    """Shape that lays [C] along axis 1 of a tensor of ``rank``: [C, 1, 1] for rank 4."""
    assert rank is not None
    return (-1, *[1] * (rank - 2))
