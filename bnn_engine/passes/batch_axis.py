"""Proves that all nodes treat the rows of axis 0 independently, and frees a frozen batch axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bnn_engine.graph.graph import Dim, Graph, Node, Value
from bnn_engine.ops import DOMAIN, OPS
from bnn_engine.passes.base import Pass

__all__ = ["ELEMENTWISE", "REDUCTIONS", "BatchAxis"]


class BatchAxis(Pass):
    """f(rows) = rows of f(row), node by node.

    A value is *batched* when its axis 0 is the batch axis and row i of it depends on row i of the
    inputs only. Inputs are batched; what depends on constants only is not, and is the same for
    every row. Each op has a rule that says under which conditions it maps batched operands to
    batched results; an op without a rule proves nothing. If every output is batched, the graph may
    run any number of rows at once: a leading extent that was frozen to 1 becomes a symbol then.
    (Reshape targets need no change: ResolveShapes has written 0, "copy", where the leading extent
    stays.)

    Sets ``Graph.rows_independent``.
    """

    def run(self, graph: Graph) -> None:
        """Prove, and free the axis if that succeeds."""
        try:
            batched = _prove(graph)
        except _NotProvenError as problem:
            graph.rows_independent = str(problem)
            return
        graph.rows_independent = None
        first = graph.inputs[0].shape
        assert first is not None
        symbol = first[0] if isinstance(first[0], str) else _new_symbol(graph)
        for value in batched:
            assert value.shape is not None
            value.shape = (symbol, *value.shape[1:])


class _NotProvenError(Exception):
    """Why the rows could not be proven independent."""


def _new_symbol(graph: Graph) -> str:
    taken = {extent for value in graph.values().values() for extent in value.shape or ()}
    return next(
        name for name in ("N", *(f"N{i}" for i in range(len(taken) + 1))) if name not in taken
    )


def _prove(graph: Graph) -> list[Value]:
    """All batched values; raises _NotProvenError."""
    batch = _leading_extent(graph)
    batched: dict[int, Value] = {id(value): value for value in graph.inputs}
    for node in graph.nodes:
        if not any(id(value) in batched for value in node.reads()):
            continue
        label = f"{node.op_type} {node.name or node.output.name!r}"
        rule = _RULES.get((node.domain, node.op_type))
        if rule is None:
            raise _NotProvenError(f"{label} is not known to work row by row")
        reason = rule(_Use(node, batched))
        if reason is not None:
            raise _NotProvenError(f"{label} does not provably work row by row: {reason}")
        for value in node.outputs:
            if value.shape is None or not value.shape:
                raise _NotProvenError(f"{label}: the shape of {value.name!r} is not known")
            if value.shape[0] is not None and value.shape[0] != batch:
                raise _NotProvenError(
                    f"{label}: {value.name!r} has the leading extent {value.shape[0]}, not {batch}"
                )
            batched[id(value)] = value
    for value in graph.outputs:
        if id(value) not in batched:
            raise _NotProvenError(f"output {value.name!r} does not depend on the input")
    return list(batched.values())


def _leading_extent(graph: Graph) -> Dim:
    """Extent of axis 0 of all inputs: 1 or a symbol."""
    if not graph.inputs:
        raise _NotProvenError("there is no input")
    extents: dict[Dim, str] = {}
    for value in graph.inputs:
        if not value.shape:
            raise _NotProvenError(f"input {value.name!r} has no axis, or an unknown number of them")
        extents[value.shape[0]] = value.name
    if len(extents) > 1:
        listed = ", ".join(f"{name!r}: {extent}" for extent, name in extents.items())
        raise _NotProvenError(f"the leading extents of the inputs differ ({listed})")
    extent, name = next(iter(extents.items()))
    if extent is None or (isinstance(extent, int) and extent != 1):
        raise _NotProvenError(
            f"the leading extent of input {name!r} is {extent}, neither 1 nor dynamic"
        )
    return extent


class _Use:
    """A node as the rules see it."""

    def __init__(self, node: Node, batched: dict[int, Value]) -> None:
        self.node = node
        self._batched = batched

    def is_batched(self, index: int) -> bool:
        """Whether the ``index``-th input is batched; False where it is omitted."""
        value = self.node.input(index)
        return value is not None and id(value) in self._batched

    def others_batched(self, *allowed: int) -> bool:
        """Whether inputs besides ``allowed`` are batched."""
        return any(
            self.is_batched(index) for index in range(len(self.node.inputs)) if index not in allowed
        )

    def rank(self, index: int) -> int | None:
        """Rank of the ``index``-th input."""
        value = self.node.input(index)
        return None if value is None else value.rank

    def ints(self, index: int) -> list[int] | None:
        """Return the ``index``-th input as constant integers."""
        value = self.node.input(index)
        if value is None or value.const is None:
            return None
        return [int(element) for element in value.const.reshape(-1)]

    def attribute(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        value = self.node.attributes.get(name, default)
        assert isinstance(value, int)
        return value


Rule = Callable[[_Use], str | None]
"""Returns None if the outputs are batched, else the reason why that is not certain."""


def _elementwise(use: _Use) -> str | None:
    rank = use.node.output.rank
    if rank is None:
        return "the rank of its output is not known"
    for index, value in enumerate(use.node.inputs):
        if value is None:
            continue
        if value.shape is None:
            return f"the shape of {value.name!r} is not known"
        if use.is_batched(index) and len(value.shape) != rank:
            return f"the batch axis of {value.name!r} meets another axis"
        if not use.is_batched(index) and len(value.shape) == rank and value.shape[0] != 1:
            return f"{value.name!r} differs between rows"
    return None


def _first_only(use: _Use) -> str | None:
    """Only the first input may be batched; rows of axis 0 never mix."""
    return "an operand depends on the batch" if use.others_batched(0) else None


def _channels_first(use: _Use) -> str | None:
    """As _first_only, for ops on [N, C, ...]."""
    if use.attribute("training_mode", 0):
        return "it is in training mode"
    if use.node.op_type == "MaxPool" and len(use.node.outputs) > 1:
        return "its indices count over all rows"
    rank = use.rank(0)
    if rank is None or rank < 2:
        return "its input has no channel axis"
    return _first_only(use)


def _not_along_batch(axes: Iterable[int], rank: int | None) -> str | None:
    if rank is None:
        return "the rank is not known"
    return "it works along axis 0" if any(axis % rank == 0 for axis in axes) else None


def _along_axis(default: int) -> Rule:
    """Ops with one axis attribute."""

    def rule(use: _Use) -> str | None:
        axis = use.attribute("axis", default)
        return _first_only(use) or _not_along_batch([axis], use.rank(0))

    return rule


def _normalization(use: _Use) -> str | None:
    return _along_axis(-1)(use) or _elementwise(use)


def _concat(use: _Use) -> str | None:
    if not all(use.is_batched(index) for index in range(len(use.node.inputs))):
        return "it joins rows with constants"
    return _not_along_batch([use.attribute("axis", 0)], use.rank(0))


def _gather(use: _Use) -> str | None:
    axis = use.attribute("axis", 0)
    if use.is_batched(0) and not use.is_batched(1):
        return _not_along_batch([axis], use.rank(0))
    if use.is_batched(1) and not use.is_batched(0) and axis == 0:
        return None  # a table look-up
    return "it gathers rows by rows"


def _gather_elements(use: _Use) -> str | None:
    if not (use.is_batched(0) and use.is_batched(1)):
        return "it gathers rows by rows"
    return _not_along_batch([use.attribute("axis", 0)], use.rank(0))


def _one_hot(use: _Use) -> str | None:
    return _first_only(use) or _not_along_batch([use.attribute("axis", -1)], use.node.output.rank)


def _trilu(use: _Use) -> str | None:
    rank = use.rank(0)
    if rank is None or rank < 3:
        return "axis 0 is one of its matrices"
    return _first_only(use)


def _axes_operand(index: int, *, rank_of_output: bool = False) -> Rule:
    """Ops whose constant ``index``-th input lists axes; without it they work along all of them."""

    def rule(use: _Use) -> str | None:
        axes = [] if use.node.input(index) is None else use.ints(index)
        if axes is None:
            return "its axes are not constant"
        if not axes and not use.attribute("noop_with_empty_axes", 0):
            return "it works along all axes"
        rank = use.node.output.rank if rank_of_output else use.rank(0)
        return _first_only(use) or _not_along_batch(axes, rank)

    return rule


def _transpose(use: _Use) -> str | None:
    perm = use.node.attributes.get("perm")
    return None if isinstance(perm, list) and perm[:1] == [0] else "it moves axis 0"


def _reshape(use: _Use) -> str | None:
    target = use.ints(1)
    if use.attribute("allowzero", 0) or target is None or target[:1] != [0]:
        return "it does not provably keep axis 0"
    return None


def _flatten(use: _Use) -> str | None:
    return None if use.attribute("axis", 1) == 1 else "it merges axis 0 with others"


def _first_is(index: int, neutral: int, what: str) -> Rule:
    """Ops whose ``index``-th input has one entry an axis; that of axis 0 must do nothing."""

    def rule(use: _Use) -> str | None:
        entries = use.ints(index)
        if entries is None or len(entries) != use.node.output.rank or use.rank(0) != len(entries):
            return f"{what} are not constant, or not one an axis"
        return _first_only(use) if entries[0] == neutral else f"{what} change axis 0"

    return rule


def _pad(use: _Use) -> str | None:
    pads, axes, rank = use.ints(1), use.ints(3), use.rank(0)
    if pads is None or rank is None or (axes is None and use.node.input(3) is not None):
        return "its pads are not constant"
    padded = list(range(rank)) if axes is None else [axis % rank for axis in axes]
    if len(pads) != 2 * len(padded):
        return "its pads do not fit its axes"
    per_axis = zip(padded, pads[: len(padded)], pads[len(padded) :], strict=True)
    if any(axis == 0 and (begin or end) for axis, begin, end in per_axis):
        return "it pads axis 0"
    return _first_only(use)


def _resize(use: _Use) -> str | None:
    axes, scales = use.node.attributes.get("axes"), use.node.input(2)
    if use.node.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        return "it may crop axis 0"
    if isinstance(axes, list):
        return _first_only(use) or _not_along_batch(axes, use.rank(0))
    if (
        scales is None
        or scales.const is None
        or scales.const.size == 0
        or scales.const.flat[0] != 1
    ):
        return "it may resize axis 0"
    return _first_only(use)


def _quantize(use: _Use) -> str | None:
    if use.rank(1) == 0:
        return _first_only(use)
    return _along_axis(1)(use)


def _dropout(use: _Use) -> str | None:
    training = use.node.input(2)
    if training is not None and (training.const is None or training.const.any()):
        return "it may be in training mode"
    return _first_only(use)


def _gemm(use: _Use) -> str | None:
    if not use.is_batched(0) or use.is_batched(1) or use.attribute("transA", 0):
        return "the batch is not the rows of its first operand"
    addend = use.node.input(2)
    if addend is None:
        return None
    if addend.shape is None:
        return "the shape of its addend is not known"
    rows = addend.shape[0] if len(addend.shape) == 2 else 1
    if use.is_batched(2):
        return None if len(addend.shape) == 2 else "its addend has the batch along another axis"
    return None if rows == 1 else "its addend differs between rows"


def _matmul(use: _Use) -> str | None:
    first, second = use.rank(0), use.rank(1)
    if first is None or second is None:
        return "the rank of an operand is not known"
    left, right = use.is_batched(0), use.is_batched(1)
    if left and not right and first >= 2 and first >= second:
        b = use.node.inputs[1]
        broadcast = first > second or first == 2 or (b is not None and b.shape and b.shape[0] == 1)
        return None if broadcast else "its second operand differs between rows"
    if right and second >= 3:
        if left:
            return None if first == second else "its batch axes do not meet"
        a = use.node.inputs[0]
        broadcast = first < second or (a is not None and a.shape and a.shape[0] == 1)
        return None if broadcast and first <= second else "its first operand differs between rows"
    return "the batch axis is not a row of the product"


ELEMENTWISE = (
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Where",
    "Xor",
)

_CHANNELS_FIRST = (
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GroupNormalization",
    "InstanceNormalization",
    "LRN",
    "LpPool",
    "MaxPool",
    "SpaceToDepth",
)

REDUCTIONS = (
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
)
"""Ops that combine the elements along axes."""

_STANDARD_RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(_CHANNELS_FIRST, _channels_first),
    **dict.fromkeys(REDUCTIONS, _axes_operand(1)),
    **dict.fromkeys(("ArgMax", "ArgMin", "Split"), _along_axis(0)),
    **dict.fromkeys(
        ("Hardmax", "LogSoftmax", "LpNormalization", "Softmax", "TopK"), _along_axis(-1)
    ),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _normalization),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _quantize),
    "CastLike": _first_only,
    "Concat": _concat,
    "CumSum": _axes_operand(1),
    "Dropout": _dropout,
    "Expand": _first_is(1, 1, "the extents it expands to"),
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Reshape": _reshape,
    "Resize": _resize,
    "Slice": _axes_operand(3),
    "Squeeze": _axes_operand(1),
    "Tile": _first_is(1, 1, "its repetitions"),
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _axes_operand(1, rank_of_output=True),
}

_QUANTIZERS = ("BipolarQuant", "IntQuant", "TruncV1", "TruncV2")

_RULES: dict[tuple[str, str], Rule] = {
    **{("", op_type): rule for op_type, rule in _STANDARD_RULES.items()},
    **{(DOMAIN, op_type): _first_only for op_type in OPS},
    **{(DOMAIN, op_type): _elementwise for op_type in _QUANTIZERS},
    (DOMAIN, "XnorPopcountMatMul"): _matmul,
}
