"""Computes shape arithmetic with symbols, and gives every Reshape a constant target."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from bnn_engine.graph.graph import Dim, Graph, Node, Value
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.graph.inlining import inline_subgraph
from bnn_engine.graph.protobuf import array_dtype
from bnn_engine.passes.base import Pass

__all__ = ["ResolveShapes"]

Extents = NDArray[np.object_]
"""An integer tensor whose elements are numbers, symbols of extents, or None where unknown."""

# Shape arithmetic works on a handful of numbers; larger integer tensors are data.
_MAX_ELEMENTS = 64

# Nothing that exists has more elements: such numbers are nonsense, and would overflow int64.
_MAX_EXTENT = 2**62

# A sweep can only go on after another if it made a shape known; chains of Reshapes that depend on
# each other through unknown shapes are rarely deeper than two.
_MAX_SWEEPS = 8


class ResolveShapes(Pass):
    """Shape → Gather → Concat → Reshape becomes Reshape by a constant.

    Integer tensors made of extents are evaluated with the symbols of dynamic extents as elements;
    those that turn out to be numbers become constants. The target of a Reshape then is written with

    - 0 ("copy") where the extent provably equals the input's extent along the same axis and is
      dynamic, and along axis 0 also if it is a number, so that any batch runs, the empty one
      included,
    - numbers where they are known, and at most one -1 elsewhere.

    A target of ``allowzero`` says so too where it repeats the input's extents. An If that asks
    whether a known extent is 1 (torch.squeeze) becomes the branch that is taken.

    A target -1 is known where all other extents cancel against the input's: [N, 32, 5, 5] → [-1,
    800] is [N, 800]. Flatten(axis=1) is the Reshape to [0, rest].
    """

    def run(self, graph: Graph) -> None:
        """Sweep until no more shapes become known."""
        previous = None
        for _ in range(_MAX_SWEEPS):
            _sweep(graph)
            unknown = _num_unknown(graph)
            if unknown in (0, previous):
                return
            infer_shapes(graph)
            previous = unknown


def _num_unknown(graph: Graph) -> int:
    return sum(
        value.shape is None or None in value.shape for node in graph.nodes for value in node.outputs
    )


def _sweep(graph: Graph) -> None:
    known: dict[int, Extents] = {}
    for node in list(graph.nodes):
        if node.domain:
            continue
        if node.op_type == "If":
            _choose_branch(graph, node, known)
            continue
        if node.op_type in ("Reshape", "Flatten"):
            _normalise_reshape(graph, node, known)
        elif node.op_type in ("ConstantOfShape", "Expand"):
            _size_up(node, known)
        result = _evaluate(node, known)
        if result is None or result.size > _MAX_ELEMENTS:
            continue
        known[id(node.output)] = result
        dtype = node.output.dtype
        if dtype is not None and all(_is_int(element) for element in result.flat):
            graph.fold(node, [result.astype(dtype)])


def _choose_branch(graph: Graph, node: Node, known: dict[int, Extents]) -> None:
    condition = _extents_of(node.input(0), known)
    if condition is None or condition.size != 1 or not isinstance(condition.flat[0], bool):
        return
    branch = node.attributes["then_branch" if condition.flat[0] else "else_branch"]
    if not isinstance(branch, onnx.GraphProto) or branch.input:
        return
    if len(branch.output) == len(node.outputs):
        inline_subgraph(graph, node, branch)


# -- symbolic evaluation ---------------------------------------------------------------------------


def _extents_of(value: Value | None, known: dict[int, Extents]) -> Extents | None:
    """Return the elements of an integer or boolean ``value``, None where nothing is known."""
    if value is None:
        return None
    if value.const is not None:
        if value.const.dtype.kind not in "iub" or value.const.size > _MAX_ELEMENTS:
            return None
        return value.const.astype(object)
    return known.get(id(value))


def _evaluate(node: Node, known: dict[int, Extents]) -> Extents | None:
    if node.op_type == "Shape":
        return _shape_of(node)
    rule = _RULES.get(node.op_type)
    if rule is None or len(node.outputs) != 1:
        return None
    operands = [_extents_of(value, known) for value in node.inputs]
    if any(
        operand is None and value is not None
        for operand, value in zip(operands, node.inputs, strict=True)
    ):
        return None
    try:
        result = rule(node, operands)
        return None if any(_is_huge(element) for element in result.flat) else result
    except (TypeError, ValueError, IndexError, KeyError):
        return None  # indices or axes that are symbols themselves, or out of range


def _is_int(element: object) -> bool:
    return type(element) is int  # no bool, which is not an extent


def _is_huge(element: object) -> bool:
    return isinstance(element, int) and abs(element) > _MAX_EXTENT


def _objects(elements: Sequence[object]) -> Extents:
    result = np.empty(len(elements), dtype=object)
    result[:] = elements
    return result


def _shape_of(node: Node) -> Extents | None:
    source = node.input(0)
    if source is None or source.shape is None:
        return None
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    assert isinstance(start, int)
    assert end is None or isinstance(end, int)
    return _objects(source.shape[start:end])


Operands = list[Extents | None]


def _first(operands: Operands) -> Extents:
    operand = operands[0]
    if operand is None:
        raise ValueError
    return operand


def _ints(operand: Extents | None) -> list[int]:
    """Elements that must be numbers."""
    if operand is None or not all(_is_int(element) for element in operand.flat):
        raise ValueError
    return [int(element) for element in operand.reshape(-1)]


def _axes(operands: Operands) -> list[int] | None:
    return _ints(operands[1]) if len(operands) > 1 and operands[1] is not None else None


def _gather(node: Node, operands: Operands) -> Extents:
    indices = np.array(_ints(operands[1]), dtype=np.int64)
    assert operands[1] is not None
    axis: Any = node.attributes.get("axis", 0)
    taken = np.take(_first(operands), indices.reshape(operands[1].shape), axis=axis)
    result = np.empty(np.shape(taken), dtype=object)
    result[...] = taken
    return result


def _slice(_: Node, operands: Operands) -> Extents:
    data = _first(operands)
    starts, ends = _ints(operands[1]), _ints(operands[2])
    axes = (
        _ints(operands[3]) if len(operands) > 3 and operands[3] is not None else range(len(starts))
    )
    steps = (
        _ints(operands[4]) if len(operands) > 4 and operands[4] is not None else [1] * len(starts)
    )
    if data.ndim != 1 or [axis % 1 for axis in axes] != [0] * len(starts) or len(starts) != 1:
        raise ValueError
    if steps[0] < 1:
        raise ValueError
    return data[starts[0] : ends[0] : steps[0]]


def _squeeze(_: Node, operands: Operands) -> Extents:
    axes = _axes(operands)
    return np.squeeze(_first(operands), None if axes is None else tuple(axes))


def _unsqueeze(_: Node, operands: Operands) -> Extents:
    return np.expand_dims(_first(operands), tuple(_ints(operands[1])))


def _concat(node: Node, operands: Operands) -> Extents:
    parts = [operand for operand in operands if operand is not None]
    axis: Any = node.attributes["axis"]
    return np.concatenate(parts, axis=axis)


def _cast(node: Node, operands: Operands) -> Extents:
    to: Any = node.attributes["to"]
    dtype = array_dtype(to)
    if dtype is None or dtype.kind not in "iu":
        raise ValueError
    return _elementwise(lambda element: int(element) if isinstance(element, int) else element)(
        node, operands
    )


def _reshape(_: Node, operands: Operands) -> Extents:
    return _first(operands).reshape(_ints(operands[1]))


def _constant_of_shape(node: Node, operands: Operands) -> Extents:
    extents = _ints(operands[0])
    fill = np.asarray(node.attributes.get("value", np.float32(0)))
    if fill.dtype.kind not in "iu" or math.prod(extents) > _MAX_ELEMENTS:
        raise ValueError
    result = np.empty(extents, dtype=object)
    result[...] = int(fill.reshape(-1)[0])
    return result


def _reduce_prod(node: Node, operands: Operands) -> Extents:
    if _axes(operands) is not None or node.attributes.get("keepdims", 1):
        raise ValueError
    return _objects([math.prod(_ints(operands[0]))]).reshape(())


def _elementwise(function: Callable[..., object]) -> Callable[[Node, Operands], Extents]:
    """Return a rule that applies ``function`` to elements, with broadcasting."""
    apply = np.frompyfunc(function, function.__code__.co_argcount, 1)

    def rule(_: Node, operands: Operands) -> Extents:
        return np.asarray(apply(*operands), dtype=object)

    return rule


def _numbers(*elements: object) -> bool:
    return all(isinstance(element, int) for element in elements)


def _sum(a: Any, b: Any) -> Dim:
    if _numbers(a, b):
        return int(a + b)
    return b if a == 0 else a if b == 0 else None


def _difference(a: Any, b: Any) -> Dim:
    if _numbers(a, b):
        return int(a - b)
    return a if b == 0 else None


def _product(a: Any, b: Any) -> Dim:
    if _numbers(a, b):
        return int(a * b)
    return b if a == 1 else a if b == 1 else None


def _quotient(a: Any, b: Any) -> Dim:
    if _numbers(a, b) and b != 0:
        return int(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))
    return a if b == 1 else None


def _equal(a: Any, b: Any) -> bool | None:
    if _numbers(a, b):
        return bool(a == b)
    if isinstance(a, str) and a == b:
        return True
    negative = any(isinstance(element, int) and element < 0 for element in (a, b))
    return False if negative and None not in (a, b) else None


def _select(condition: Any, a: Any, b: Any) -> Any:
    if condition is None:
        return a if a == b else None
    return a if condition else b


_RULES: dict[str, Callable[[Node, Operands], Extents]] = {
    "Add": _elementwise(_sum),
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _elementwise(_quotient),
    "Equal": _elementwise(_equal),
    "Gather": _gather,
    "Identity": lambda _, operands: _first(operands),
    "Mul": _elementwise(_product),
    "ReduceProd": _reduce_prod,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _elementwise(_difference),
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(_select),
}


# -- Expand and ConstantOfShape ---------------------------------------------------------------


def _size_up(node: Node, known: dict[int, Extents]) -> None:
    """Note the shape of the output, which is the value of an operand."""
    target = _extents_of(node.inputs[-1], known)
    if target is None or target.ndim != 1:
        return
    extents: list[Dim] = list(target)
    if node.op_type == "Expand":
        x = node.input(0)
        if x is None or x.shape is None:
            return
        extents = _broadcast(x.shape, extents)
    _refine(node.output, extents)


def _broadcast(first: Sequence[Dim], second: Sequence[Dim]) -> list[Dim]:
    """Return the extents of two shapes broadcast against each other, None where unknown."""
    rank = max(len(first), len(second))
    aligned = ((*[1] * (rank - len(shape)), *shape) for shape in (first, second))
    return [_broadcast_extent(a, b) for a, b in zip(*aligned, strict=True)]


def _broadcast_extent(a: Dim, b: Dim) -> Dim:
    if a == 1 or a == b:
        return b
    if b == 1:
        return a
    return next((extent for extent in (a, b) if isinstance(extent, int)), None)


def _refine(value: Value, extents: Sequence[Dim]) -> None:
    """Note what is known about the shape of ``value``."""
    if value.shape is None or len(value.shape) == len(extents):
        previous = value.shape or (None,) * len(extents)
        value.shape = tuple(
            old if new is None else new for new, old in zip(extents, previous, strict=True)
        )


# -- Reshape ---------------------------------------------------------------------------------------


def _normalise_reshape(graph: Graph, node: Node, known: dict[int, Extents]) -> None:
    x = node.input(0)
    assert x is not None
    if x.shape is None or x.const is not None:
        return
    target = _target(node, x.shape, known)
    if target is None:
        return
    extents = resolve_target(x.shape, target)
    written = _written(x.shape, extents)
    _refine(node.output, extents)
    if written is None:
        return
    constant = node.input(1)
    if (
        node.op_type == "Reshape"
        and constant is not None
        and constant.const is not None
        and constant.const.tolist() == written
        and "allowzero" not in node.attributes
    ):
        return
    shape = graph.constant(f"{node.output.name}_shape", np.array(written, dtype=np.int64))
    graph.replace_node(
        node, [Node("Reshape", [x, shape], node.outputs, name=node.name, origins=node.origins)]
    )


def _target(node: Node, shape: tuple[Dim, ...], known: dict[int, Extents]) -> list[Dim] | None:
    """Return what ``node`` asks for, with -1 for what is to be inferred; 0 is resolved."""
    if node.op_type == "Flatten":
        return (
            [shape[0], -1]
            if shape and _is_second(node.attributes.get("axis", 1), len(shape))
            else None
        )
    extents = _extents_of(node.input(1), known)
    if extents is None or extents.ndim != 1:
        return None
    target: list[Dim] = list(extents)
    if node.attributes.get("allowzero", 0):
        # A dynamic extent may be 0 too: "copy" keeps it, "infer" would read it otherwise.
        pairs = zip(target, (*shape, *[None] * len(target)), strict=False)
        plain = all((isinstance(e, int) and e != 0) or (e and e == same) for e, same in pairs)
        return target if plain else None
    if any(extent == 0 and axis >= len(shape) for axis, extent in enumerate(target)):
        return None
    return [shape[axis] if extent == 0 else extent for axis, extent in enumerate(target)]


def _is_second(axis: object, rank: int) -> bool:
    """Whether ``axis`` is axis 1 of ``rank`` axes, or behind the last of a single one."""
    return axis == 1 or (rank > 1 and axis == 1 - rank)


def resolve_target(shape: Sequence[Dim], target: Sequence[Dim]) -> list[Dim]:
    """Extents of ``shape`` reshaped to ``target``.

    Args:
        shape: extents of the input.
        target: extents of the output; -1 is to be inferred, None is unknown.

    Returns:
        Extents of the output, None where it cannot be told.
    """
    extents: list[Dim] = [None if extent == -1 else extent for extent in target]
    if extents.count(None) != 1 or None in shape:
        return extents
    given = math.prod(e for e in shape if isinstance(e, int))
    taken = math.prod(e for e in extents if isinstance(e, int))
    symbols = Counter(e for e in shape if isinstance(e, str))
    symbols.subtract(e for e in extents if isinstance(e, str))
    left = [symbol for symbol, count in symbols.items() if count]
    rest: Dim = None
    if taken and not left and given % taken == 0:
        rest = given // taken
    elif taken == given and given and len(left) == 1 and symbols[left[0]] == 1:
        rest = left[0]
    return [rest if extent is None else extent for extent in extents]


def _written(shape: Sequence[Dim], extents: Sequence[Dim]) -> list[int] | None:
    """Write the target of a Reshape from ``shape`` to ``extents``; None if that is impossible."""
    written = []
    for axis, extent in enumerate(extents):
        same = axis < len(shape) and extent is not None and extent == shape[axis]
        if same and (axis == 0 or not isinstance(extent, int) or extent == 0):
            written.append(0)
        elif not isinstance(extent, int):
            written.append(-1)
        elif 0 < extent <= _MAX_EXTENT:
            written.append(extent)
        else:
            return None
    return written if written.count(-1) <= 1 else None
