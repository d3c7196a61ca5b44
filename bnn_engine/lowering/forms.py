"""Axes of tensors as they are stored, and views of them under other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bnn_engine import _core
from bnn_engine.element_types import ElementType, element_type
from bnn_engine.graph import Dim, Node, Value
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import fused_origins, layer_name
from bnn_engine.lowering.summary import LayerSummary

__all__ = [
    "axes_of",
    "constant_ints",
    "element_of",
    "finish",
    "pick",
    "stored",
    "stored_axis",
    "target_of",
]


def finish(node: Node, located: Located, emitter: Emitter, reason: str = "") -> None:
    """Record that the last step computes ``node`` alone; ``reason``: why it is no binary layer."""
    fused = fused_origins(node, ())
    layer = LayerSummary(layer_name(node), node.op_type, fused=fused, reason=reason)
    emitter.finish_layer(node.output, located, layer, [node])


def constant_ints(value: Value | None) -> list[int] | None:
    """A constant operand as integers, None where it is absent or no constant."""
    if value is None or value.const is None:
        return None
    return [int(number) for number in value.const.reshape(-1)]


def element_of(value: Value) -> ElementType:
    """The element type of a value that a program holds."""
    element = element_type(value.dtype)
    assert element is not None
    return element


def axes_of(node: Node, slot: int, rank: int) -> list[int] | None:
    """The axes that input ``slot`` lists, [] where it is omitted; None for bad or unknown ones."""
    if node.input(slot) is None:
        return []
    axes = constant_ints(node.input(slot))
    if axes is None or any(not -rank <= axis < rank for axis in axes):
        return None
    axes = [axis % rank for axis in axes]
    return axes if len(set(axes)) == len(axes) else None


def stored(value: Value, emitter: Emitter) -> Located:
    """``value`` as elements of its dtype, plain or as a channels-last image."""
    located = emitter.elements(value)
    if located.form != "flattened":
        return located
    return Located(emitter.plain(value), "plain", element=located.element)


def stored_axis(axis: int, located: Located, rank: int) -> int:
    """Where axis ``axis`` of the graph is stored."""
    if located.form != "channels_last" or axis == 0:
        return axis
    stored_rank = max(rank, 4)  # lines are images of height 1
    return stored_rank - 1 if axis == 1 else stored_rank - 1 - rank + axis


def target_of(source: Value, shape: Sequence[Dim] | None) -> list[int] | None:
    """``shape`` as the target of a view of ``source``, None where too little of it is known.

    The extent of axis 0 is copied where both have the same, so that it may be a batch of any size.
    """
    if shape is None or source.shape is None:
        return None
    target = [dim if isinstance(dim, int) else -1 for dim in shape]
    if target and source.shape and shape[0] == source.shape[0] and target[0] != 0:
        target[0] = 0
    if target.count(-1) > 1 or len(target) > _MAX_RANK or 0 in target[1:]:
        return None
    return target


_MAX_RANK = 8


def pick(
    node: Node,
    value: Value,
    axes: Sequence[_core.AxisIndex | None],
    emitter: Emitter,
    fill: bytes = b"",
    *,
    name: str | None = None,
    plain: bool = False,
) -> Located:
    """Elements of ``value`` picked along its axes; None keeps an axis.

    Args:
        node: what the step is named after.
        value: the tensor.
        axes: one entry per axis of the graph.
        emitter: the program under construction.
        fill: bytes of the element at positions outside.
        name: of the step, where ``node`` takes several.
        plain: the result is wanted in plain form.
    """
    located = emitter.located(value)
    if plain:
        located = emitter.plain_numbers(value)
    elif not located.bits or fill or axes[1] is not None or located.form != "channels_last":
        located = stored(value, emitter)
    stored_rank = max(len(axes), 4) if located.form == "channels_last" else len(axes)
    order: list[_core.AxisIndex | None] = [None] * stored_rank
    for axis, index in enumerate(axes):
        order[stored_axis(axis, located, len(axes))] = index
    indices = [_core.AxisIndex.keep() if index is None else index for index in order]
    step = emitter.builder.index_axes(name or layer_name(node), located.id, indices, fill)
    return replace(located, id=step)
