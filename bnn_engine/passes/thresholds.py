"""Absorbs per-channel arithmetic in front of Binarize and Quantize into bounds, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.arithmetic import batch_norm_coefficients
from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Declined, Rewrite, merged_origins
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.facts import channel_vector
from bnn_engine.passes.float_order import INFINITY_KEY, float_of_key
from bnn_engine.passes.quantize_node import quantize_node

__all__ = [
    "INTEGER_LAYERS",
    "AbsorbIntoThresholds",
    "Step",
    "monotone_steps",
    "pull_back",
    "pull_back_all",
]

Floats = NDArray[np.float32]

INTEGER_LAYERS = frozenset({"BinaryConv", "BinaryGemm", "LowBitConv", "LowBitGemm"})
"""Ops of our domain whose sums are integers."""


@dataclass(frozen=True)
class Step:
    """One float32 operation per channel, monotone where it is not NaN.

    Attributes:
        function: applies it to float32 [..., C], rounding as ONNX Runtime does.
        rising: bool [C] or [1]: whether it never falls (else it never rises).
    """

    function: Callable[[Floats], Floats]
    rising: NDArray[np.bool_]

    def is_total(self) -> NDArray[np.bool_]:
        """Whether it gives a number for every number, the infinities included; [C] or [1]."""
        with np.errstate(all="ignore"):
            ends = [
                self.function(np.full(self.rising.shape, v, np.float32)) for v in (np.inf, -np.inf)
            ]
        return np.asarray(~np.isnan(ends).any(axis=0))


@dataclass(frozen=True)
class _Match:
    chain: tuple[Node, ...]
    x: Value
    lower: Floats
    upper: Floats


class AbsorbIntoThresholds(Rewrite[_Match]):
    """Binarize(g(x), lower, upper) → Binarize(x, lower', upper'); Quantize level by level.

    The new bounds satisfy lower' ≤ x ≤ upper' ⟺ lower ≤ g(x) ≤ upper. Preimages of nested intervals
    are nested.

    g is a chain of steps, each one float32 operation that is monotone per channel: adding or
    multiplying by a constant, rounding to integers, Min, Max, Clip, Relu and its rising relatives,
    BatchNormalization (a multiplication, then an addition).
    Rounding is monotone, so the preimage of an interval under a step is an interval of the float32
    numbers, less those that the step maps to NaN, which are at most the infinities (inf · 0). Its
    ends are found by binary search over the ordered bit patterns with the very operation of the
    graph, so they are exact for every x, integer accumulators, denormals and infinities included.
    The preimages are taken last step first; steps without NaN are searched together. NaN passes
    through every step as NaN and gives the same on both sides. What a step itself makes NaN is
    outside of every interval, as NaN is; where NaN passes the comparison, only steps that make none
    are absorbed.
    """

    op_types = frozenset({"Binarize", "Quantize"})
    domain = DOMAIN

    def match(self, graph: Graph, node: Node) -> _Match | Declined | None:
        """Return the longest chain of steps in front of ``node`` that nobody else reads."""
        x = node.inputs[0]
        assert x is not None
        lower, upper = (_bound(node, index, x) for index in (1, 2))
        if lower is None or upper is None:
            return Declined("its bounds are not constant")
        chain = [node]
        steps: list[Step] = []
        best: tuple[list[Node], Value, list[Step]] | None = None
        while (producer := x.producer) is not None and graph.single_consumer(x) is chain[-1]:
            found = monotone_steps(producer)
            if found is None:
                break
            x, operations = found
            steps = operations + steps
            chain.append(producer)
            if not node.attributes["nan_passes"] or _makes_no_nan(x, steps):
                best = list(chain), x, steps
        if best is None:
            return Declined("a step may give NaN") if len(chain) > 1 else None
        chain, x, steps = best
        lower, upper = pull_back_all(steps, lower, upper)
        return _Match(tuple(reversed(chain)), x, lower, upper)

    def rewrite(self, graph: Graph, node: Node, match: _Match) -> None:
        """Put the same op on the chain's input in the place of ``node``."""
        x, lower, upper, outputs = match.x, match.lower, match.upper, node.outputs
        passes = bool(node.attributes["nan_passes"])
        if node.op_type == "Quantize":
            given = node.attributes["values"]
            assert isinstance(given, list)
            values = [float(value) for value in given]
            made = quantize_node(
                graph, x, lower, upper, values, outputs, node.name, nan_passes=passes
            )
        else:
            inside = node.attributes["inside"]
            assert isinstance(inside, float)
            made = binarize_node(
                graph, x, lower[0], upper[0], inside, outputs, node.name, nan_passes=passes
            )
        made.origins = merged_origins(*match.chain)
        graph.replace_node(node, [made])


def _makes_no_nan(x: Value, steps: list[Step]) -> bool:
    """Return whether no number that ``x`` can be becomes NaN in ``steps``.

    Integer layers give integers below 2^31: with both ends finite after every step, so is all that
    lies between.
    """
    if all(step.is_total().all() for step in steps):
        return True
    layer = x.producer
    if layer is None or layer.domain != DOMAIN or layer.op_type not in INTEGER_LAYERS:
        return False
    with np.errstate(all="ignore"):
        for end in (-(2.0**31), 2.0**31):
            value = np.full(1, end, np.float32)
            for step in steps:
                value = step.function(value)
                if not np.isfinite(value).all():
                    return False
    return True


def _bound(node: Node, index: int, x: Value) -> Floats | None:
    """Return a constant bound of Binarize or Quantize as [levels, C] or [levels, 1]."""
    value = node.inputs[index]
    assert value is not None
    constant = value.const
    if constant is None:
        return None
    if node.op_type == "Quantize":
        return constant.astype(np.float32, copy=False).reshape(constant.shape[0], -1)
    vector = channel_vector(constant, x.shape)
    return None if vector is None else vector[np.newaxis]


def pull_back_all(steps: list[Step], lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Return the interval that all ``steps``, first one first, map into lower ... upper."""
    for step in reversed(_composed(steps)):
        lower, upper = pull_back(step, lower, upper)
    return lower, upper


def pull_back(step: Step, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Return the interval of all x with lower <= step(x) <= upper.

    Args:
        step: a monotone operation on C channels, or on all alike.
        lower: float32 [C] or [1], or several of them [..., C] or [..., 1].
        upper: float32, likewise.

    Returns:
        Both ends, float32 likewise; (+inf, -inf) where no x qualifies.
    """
    lower, upper, rising = np.broadcast_arrays(lower, upper, step.rising)
    with np.errstate(all="ignore"):
        # The keys of a falling step run from +inf down to -inf, so that it rises along them.
        sign = np.where(rising, 1, -1)
        top = np.where(step.is_total(), INFINITY_KEY, INFINITY_KEY - 1) + np.zeros_like(sign)

        def at(keys: NDArray[np.int64]) -> Floats:
            return step.function(float_of_key(sign * keys))

        # The smallest key whose image is at least lower, and the smallest whose image exceeds
        # upper; top + 1 stands for "none". The answers lie in low ... high.
        low, high = np.stack([-top, -top]), np.stack([top + 1, top + 1])
        while (open_ := low < high).any():
            middle = (low + high) // 2
            image = step.function(float_of_key(sign * np.minimum(middle, top)))
            reached = np.stack([image[0] >= lower, ~(image[1] <= upper)])
            high = np.where(open_ & reached, middle, high)
            low = np.where(open_ & ~reached, middle + 1, low)
    first, last = high[0], high[1] - 1
    empty = first > last
    ends = np.sort(np.stack([sign * first, sign * last]), axis=0)
    return (
        np.where(empty, np.float32(np.inf), float_of_key(ends[0])),
        np.where(empty, np.float32(-np.inf), float_of_key(ends[1])),
    )


_NEGATE = Step(np.negative, np.array([False]))
_ROUNDING = {
    "Ceil": Step(np.ceil, np.array([True])),
    "Floor": Step(np.floor, np.array([True])),
    "Round": Step(np.rint, np.array([True])),
}
_RELU = Step(lambda v: np.maximum(v, np.float32(0)), np.array([True]))


def _composed(steps: list[Step]) -> list[Step]:
    """Return the same function in fewer steps: total monotone steps make one total monotone step.

    Others stay alone: what they map to NaN need not be an infinity of an earlier step's input.
    """
    made: list[Step] = []
    mergeable = False
    for step in steps:
        total = bool(step.is_total().all())
        if total and mergeable:
            made[-1] = _after(made[-1], step)
        else:
            made.append(step)
        mergeable = total
    return made


def _after(first: Step, second: Step) -> Step:
    return Step(lambda v: second.function(first.function(v)), first.rising == second.rising)


def monotone_steps(node: Node) -> tuple[Value, list[Step]] | None:
    """Return the input of ``node`` and the steps it performs; None if it is no such chain."""
    if node.domain or node.output.dtype != np.float32:
        return None
    if node.op_type in ("Add", "Sub", "Mul", "Div"):
        return _arithmetic(node)
    if node.op_type in ("Max", "Min"):
        return _bounded(node)
    x = node.input(0)
    assert x is not None
    if node.op_type == "BatchNormalization":
        return _batch_norm(node, x)
    if node.op_type == "Relu":
        return x, [_RELU]
    if node.op_type in ("LeakyRelu", "PRelu"):
        return _leaky(node, x)
    if node.op_type == "HardSigmoid":
        return _hard_sigmoid(node, x)
    if node.op_type == "Neg":
        return x, [_NEGATE]
    if node.op_type in _ROUNDING:
        return x, [_ROUNDING[node.op_type]]
    if node.op_type == "Clip":
        return _clip(node, x)
    return None


def _add(constant: Floats) -> Step:
    return Step(lambda v: v + constant, np.ones_like(constant, dtype=bool))


def _multiply(constant: Floats) -> Step:
    return Step(lambda v: v * constant, constant >= 0)


def _operand(node: Node) -> tuple[Value, Floats, bool] | None:
    """The variable operand, the constant one per channel, and whether the constant comes first."""
    if len(node.inputs) != 2:
        return None
    first, second = node.inputs
    assert first is not None
    assert second is not None
    swapped = first.const is not None
    x, operand = (second, first) if swapped else (first, second)
    constant = channel_vector(operand.const, x.shape)
    if constant is None or x.const is not None:
        return None
    return x, constant, swapped


def _bounded(node: Node) -> tuple[Value, list[Step]] | None:
    found = _operand(node)
    if found is None or np.isnan(found[1]).any():
        return None
    x, constant, _ = found
    pick = np.maximum if node.op_type == "Max" else np.minimum
    return x, [Step(lambda v: pick(v, constant), np.ones_like(constant, dtype=bool))]


def _arithmetic(node: Node) -> tuple[Value, list[Step]] | None:
    found = _operand(node)
    if found is None or not np.isfinite(found[1]).all():
        return None
    x, constant, swapped = found
    if node.op_type == "Add":
        return x, [_add(constant)]
    if node.op_type == "Mul":
        return x, [_multiply(constant)]
    if node.op_type == "Sub":
        # x - c rounds as x + (-c) does, and c - x as c + (-x) does.
        return x, [_NEGATE, _add(constant)] if swapped else [_add(-constant)]
    if swapped or (constant == 0).any():  # c / x changes sides at its pole; x / 0 has no order
        return None
    return x, [Step(lambda v: v / constant, constant > 0)]


def _batch_norm(node: Node, x: Value) -> tuple[Value, list[Step]] | None:
    if node.attributes.get("training_mode", 0) or x.shape is None or len(x.shape) < 2:
        return None
    parameters = [value.const for value in node.inputs[1:] if value is not None]
    arrays = [p for p in parameters if p is not None and p.dtype == np.float32]
    if len(arrays) != 4 or any(array.shape != (x.shape[1],) for array in arrays):
        return None
    epsilon = node.attributes.get("epsilon", 1e-5)
    assert isinstance(epsilon, float)
    s, b = batch_norm_coefficients(arrays, epsilon)
    if not (np.isfinite(s).all() and np.isfinite(b).all()):
        return None
    return x, [_multiply(s), _add(b)]


def _leaky(node: Node, x: Value) -> tuple[Value, list[Step]] | None:
    """Falling slopes turn back at 0, and a slope of 0 makes NaN of -inf only: both are no step."""
    if node.op_type == "LeakyRelu":
        slope = _attribute(node, "alpha", 0.01)
    else:
        operand = node.inputs[1]
        found = None if operand is None else channel_vector(operand.const, x.shape)
        if found is None:
            return None
        slope = found
    if not (np.isfinite(slope) & (slope > 0)).all():
        return None
    rising = np.ones_like(slope, dtype=bool)
    return x, [Step(lambda v: np.where(v < 0, v * slope, v), rising)]


def _hard_sigmoid(node: Node, x: Value) -> tuple[Value, list[Step]] | None:
    slope, shift = _attribute(node, "alpha", 0.2), _attribute(node, "beta", 0.5)
    if not (np.isfinite(slope) & np.isfinite(shift)).all():
        return None
    ends = Step(lambda v: np.clip(v, np.float32(0), np.float32(1)), np.array([True]))
    return x, [_multiply(slope), _add(shift), ends]


def _attribute(node: Node, name: str, default: float) -> Floats:
    value = node.attributes.get(name, default)
    assert isinstance(value, float)
    return np.full(1, value, np.float32)


def _clip(node: Node, x: Value) -> tuple[Value, list[Step]] | None:
    bounds: list[np.float32] = []
    most = np.finfo(np.float32).max  # what ONNX Runtime takes for an omitted bound
    for value, default in ((node.input(1), -most), (node.input(2), most)):
        if value is None:
            bounds.append(default)
        elif value.const is not None and value.const.size == 1 and not np.isnan(value.const).any():
            bounds.append(np.float32(value.const.reshape(())))
        else:
            return None
    low, high = bounds
    return x, [Step(lambda v: np.minimum(np.maximum(v, low), high), np.array([True]))]
