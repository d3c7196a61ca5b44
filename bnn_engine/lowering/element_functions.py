"""Ops that compute each element from one element of every operand, with NumPy's broadcasting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence, Set

import numpy as np

from bnn_engine.element_types import (
    ALL_TYPES,
    FLOATS,
    INTEGERS,
    NUMBERS,
    ElementType,
    element_type,
)
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    NativeOp,
    data_input,
    fused_origins,
    layer_name,
    same_shape,
)
from bnn_engine.lowering.summary import LayerSummary

__all__ = [
    "ELEMENT_FUNCTIONS",
    "Binary",
    "BitShift",
    "Clip",
    "Comparison",
    "ElementFunction",
    "Mod",
    "Pow",
    "Unary",
    "Variadic",
    "Where",
]

_MAX_RANK = 8


class ElementFunction(NativeOp):
    """An element-wise op.

    Attributes:
        takes: element types of its operands, which all have the same.
    """

    types = ALL_TYPES

    def __init__(self, takes: Set[ElementType]) -> None:
        self.takes = takes

    @abstractmethod
    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """The value of the program that ``node`` gives for ``operands``, its inputs."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return _unlike(node.inputs, self.takes)

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        operands = [value for value in node.inputs if value is not None]
        layout = _common_layout(node.output, operands, emitter)
        element = element_type(node.output.dtype)
        assert element is not None
        placed = [_operand(value, layout, emitter) for value in operands]
        step = self.compute(node, placed, emitter)
        located = Located(step, layout.form, element=element, image=layout.image)
        layer = LayerSummary(layer_name(node), node.op_type, fused=fused_origins(node, ()))
        emitter.finish_layer(node.output, located, layer, [node])


def _unlike(operands: Sequence[Value | None], takes: Set[ElementType]) -> str | None:
    """Why ``operands`` are not tensors of one of the types, or None when they are."""
    dtypes = []
    for value in operands:
        if value is None:
            return "an operand is omitted"
        if value.rank is None or value.rank > _MAX_RANK:
            return f"the rank of {value.name!r} is {value.rank or 'unknown'}"
        dtypes.append(value.dtype)
    if len(set(dtypes)) != 1:
        return f"operands are {' and '.join(str(dtype) for dtype in dtypes)}"
    if element_type(dtypes[0]) not in takes:
        return f"operands are {dtypes[0]}"
    return None


def _common_layout(output: Value, operands: Sequence[Value], emitter: Emitter) -> Located:
    """Some operand's location, in whose layout the op runs.

    Tensors that all lie alike stay as they are. Images of which some are channels last are all
    moved there; axes of other operands would have to be permuted with them, so these meet in plain
    order.
    """
    tensors = [value for value in operands if value.const is None and not _is_single(value)]
    others_are_single = all(_is_single(value) for value in operands if value not in tensors)
    located = [emitter.located(value) for value in tensors]
    plain = Located(-1, "plain")
    if not tensors:
        return plain
    first = located[0]
    alike = all((other.form, other.image) == (first.form, first.image) for other in located)
    if alike and others_are_single and all(same_shape(value, output) for value in tensors):
        return first
    images = output.rank == 4 and all(value.rank == 4 for value in tensors)
    if images and any(other.form == "channels_last" for other in located):
        return Located(-1, "channels_last")
    return plain


def _is_single(value: Value) -> bool:
    """Whether ``value`` has one element, which lies alike in all layouts."""
    return value.shape is not None and all(extent == 1 for extent in value.shape)


def _operand(value: Value, layout: Located, emitter: Emitter) -> int:
    """``value`` as elements of its dtype in ``layout``."""
    if value.const is not None:
        array = value.const
        if layout.form == "channels_last" and array.size != 1:
            image = array.reshape((1,) * (4 - array.ndim) + array.shape)
            array = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
        return emitter.constant(array)
    if _is_single(value) or emitter.located(value).form == layout.form:
        return emitter.elements(value).id
    return emitter.channels_last(value) if layout.form == "channels_last" else emitter.plain(value)


class Unary(ElementFunction):
    """A function of one tensor.

    Args:
        takes: see :class:`ElementFunction`.
        attributes: the function's parameters as attributes with their defaults, in the order in
            which the core takes them.
    """

    def __init__(self, takes: Set[ElementType], **attributes: float) -> None:
        super().__init__(takes)
        self._attributes = attributes

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        parameters = [0.0, 0.0]
        for index, (name, default) in enumerate(self._attributes.items()):
            number = node.attributes.get(name, default)
            assert isinstance(number, int | float)
            parameters[index] = number
        function = node.op_type
        if node.attributes.get("approximate") == "tanh":
            function += "Tanh"
        return emitter.builder.unary(layer_name(node), function, operands[0], parameters)


class Binary(ElementFunction):
    """A function of two tensors that the core has under the op's name."""

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        return emitter.builder.binary(layer_name(node), node.op_type, *operands)


class Comparison(ElementFunction):
    """A comparison; that of greater numbers is that of lesser ones with the operands swapped."""

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        if node.op_type.startswith("Greater"):
            operands = operands[::-1]
        function = node.op_type.replace("Greater", "Less")
        return emitter.builder.comparison(layer_name(node), function, *operands)


class Mod(ElementFunction):
    """``Mod``: the remainder has the sign of the divisor, or with fmod=1 that of the dividend."""

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        truncated = node.attributes.get("fmod", 0) != 0
        function = "TruncatedMod" if truncated else "FlooredMod"
        return emitter.builder.binary(layer_name(node), function, *operands)


class BitShift(ElementFunction):
    """``BitShift`` to the left or right."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        direction = node.attributes.get("direction")
        if direction not in ("LEFT", "RIGHT"):
            return f"direction is {direction!r}"
        return super().decline(node)

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        function = "ShiftLeft" if node.attributes["direction"] == "LEFT" else "ShiftRight"
        return emitter.builder.binary(layer_name(node), function, *operands)


class Pow(ElementFunction):
    """``Pow``; base and exponent may differ in type, the power has that of the base."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return _unlike(node.inputs[:1], self.takes) or _unlike(node.inputs[1:], self.takes)

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        name = layer_name(node)
        base, exponent = (_element(value) for value in node.inputs)
        between = _power_type(base, exponent)
        casts = [
            operand if element == between else emitter.builder.cast(name, operand, between)
            for operand, element in zip(operands, (base, exponent), strict=True)
        ]
        power = emitter.builder.binary(name, "Pow", *casts)
        return power if base == between else emitter.builder.cast(name, power, base)


def _element(value: Value | None) -> ElementType:
    element = None if value is None else element_type(value.dtype)
    assert element is not None
    return element


def _power_type(base: ElementType, exponent: ElementType) -> ElementType:
    """The type in which a power is computed: one that holds exponents of the usual sizes."""
    exact = {"f32", "f16", "bf16", "i8", "u8", "i16", "u16"}
    return "f32" if base in {"f32", "f16", "bf16"} and exponent in exact else "f64"


class Variadic(ElementFunction):
    """``Max``, ``Min``, ``Sum`` and ``Mean`` of any number of tensors."""

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        name, builder = layer_name(node), emitter.builder
        element = _element(data_input(node))
        # 16-bit floats are rounded once, not after every addition.
        between: ElementType = "f32" if element in ("f16", "bf16") else element
        if between != element:
            operands = [builder.cast(name, operand, between) for operand in operands]
        function = "Add" if node.op_type in ("Sum", "Mean") else node.op_type
        made = operands[0]
        for operand in operands[1:]:
            made = builder.binary(name, function, made, operand)
        if node.op_type == "Mean":
            dtype = np.float64 if between == "f64" else np.float32
            count = emitter.constant(np.asarray(len(operands), dtype))
            made = builder.binary(name, "Div", made, count)
        return made if between == element else builder.cast(name, made, element)


class Clip(ElementFunction):
    """``Clip``: max(x, lower), then min with upper.

    An omitted bound of floats is the largest finite number, as in ONNX Runtime: infinity is
    clipped too.
    """

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        bounds = [value for value in node.inputs[1:] if value is not None]
        if any(value.rank != 0 and not _is_single(value) for value in bounds):
            return "bounds are not scalars"
        return _unlike([node.inputs[0], *bounds], self.takes)

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        made, *given = operands
        for index, function in ((1, "Max"), (2, "Min")):
            bound = given.pop(0) if node.input(index) is not None else _limit(node, index, emitter)
            if bound is not None:
                made = emitter.builder.binary(layer_name(node), function, made, bound)
        return made


def _limit(node: Node, index: int, emitter: Emitter) -> int | None:
    """The bound that stands for an omitted one, None where there is none."""
    dtype = data_input(node).dtype
    for floats in (np.float32, np.float64, np.float16):
        if dtype == floats:
            limits = np.finfo(floats)
            return emitter.constant(np.asarray(limits.min if index == 1 else limits.max, floats))
    return None


class Where(ElementFunction):
    """``Where``."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return _unlike(node.inputs[:1], {"bool"}) or _unlike(node.inputs[1:], self.takes)

    def compute(self, node: Node, operands: list[int], emitter: Emitter) -> int:
        """See :class:`ElementFunction`."""
        return emitter.builder.where(layer_name(node), *operands)


_BOOLEAN: Set[ElementType] = {"bool"}
_EQUAL, _ORDER = Comparison(NUMBERS | _BOOLEAN), Comparison(NUMBERS)
_LOGICAL, _BITWISE = Binary(_BOOLEAN), Binary(INTEGERS)
_EXTREME, _SUM, _FUNCTION = Variadic(NUMBERS), Variadic(FLOATS), Unary(FLOATS)

ELEMENT_FUNCTIONS: dict[str, ElementFunction] = {
    "Abs": Unary(NUMBERS),
    "Acos": _FUNCTION,
    "Acosh": _FUNCTION,
    "Add": Binary(NUMBERS),
    "And": _LOGICAL,
    "Asin": _FUNCTION,
    "Asinh": _FUNCTION,
    "Atan": _FUNCTION,
    "Atanh": _FUNCTION,
    "BitShift": BitShift(INTEGERS),
    "BitwiseAnd": _BITWISE,
    "BitwiseNot": Unary(INTEGERS),
    "BitwiseOr": _BITWISE,
    "BitwiseXor": _BITWISE,
    "Ceil": _FUNCTION,
    "Celu": Unary(FLOATS, alpha=1.0),
    "Clip": Clip(NUMBERS),
    "Cos": _FUNCTION,
    "Cosh": _FUNCTION,
    "Div": Binary(NUMBERS),
    "Elu": Unary(FLOATS, alpha=1.0),
    "Equal": _EQUAL,
    "Erf": _FUNCTION,
    "Exp": _FUNCTION,
    "Floor": _FUNCTION,
    "Gelu": _FUNCTION,
    "Greater": _ORDER,
    "GreaterOrEqual": _ORDER,
    "HardSigmoid": Unary(FLOATS, alpha=0.2, beta=0.5),
    "HardSwish": _FUNCTION,
    "IsInf": Unary(FLOATS, detect_negative=1, detect_positive=1),
    "IsNaN": _FUNCTION,
    "LeakyRelu": Unary(FLOATS, alpha=0.01),
    "Less": _ORDER,
    "LessOrEqual": _ORDER,
    "Log": _FUNCTION,
    "Max": _EXTREME,
    "Mean": _SUM,
    "Min": _EXTREME,
    "Mish": _FUNCTION,
    "Mod": Mod(NUMBERS),
    "Mul": Binary(NUMBERS),
    "Neg": Unary(NUMBERS),
    "Not": Unary(_BOOLEAN),
    "Or": _LOGICAL,
    "PRelu": Binary(NUMBERS),
    "Pow": Pow(NUMBERS),
    "Reciprocal": _FUNCTION,
    "Relu": Unary(NUMBERS),
    "Round": _FUNCTION,
    "Selu": Unary(FLOATS, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "Shrink": Unary(FLOATS, lambd=0.5, bias=0.0),
    "Sigmoid": _FUNCTION,
    "Sign": Unary(NUMBERS),
    "Sin": _FUNCTION,
    "Sinh": _FUNCTION,
    "Softplus": _FUNCTION,
    "Softsign": _FUNCTION,
    "Sqrt": _FUNCTION,
    "Sub": Binary(NUMBERS),
    "Sum": _SUM,
    "Swish": Unary(FLOATS, alpha=1.0),
    "Tan": _FUNCTION,
    "Tanh": _FUNCTION,
    "ThresholdedRelu": Unary(FLOATS, alpha=1.0),
    "Where": Where(ALL_TYPES),
    "Xor": _LOGICAL,
}
"""Op type -> its lowering."""
