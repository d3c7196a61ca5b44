"""Brings the ops of QONNX and FINN, under any of their domains, to ops of our domain.

Brevitas, QONNX and FINN write them under three domains or none, often without an opset import: the
version converter, shape inference and the checks of standard ops all stumble over that. So nodes
are renamed before anything else looks at them. Annotations of FINN's data types are not read: what
a tensor can hold follows from the ops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import onnx
import onnx.defs
from onnx import AttributeProto, TensorProto

from bnn_engine.graph.protobuf import attribute_value
from bnn_engine.importer.normalise import TARGET_OPSET
from bnn_engine.importer.operators import QONNX_DOMAINS
from bnn_engine.importer.structure import node_label
from bnn_engine.ops import DOMAIN, OPS
from bnn_engine.ops.rounding import ROUNDING_MODES

__all__ = ["adopt_custom_ops"]

# Brevitas also writes them without any domain.
_DOMAINS = ("", *QONNX_DOMAINS)

# Names of rounding modes besides those of ops.rounding.
_SAME_MODES = {"HALF_EVEN": "ROUND", "ROUND_TO_ZERO": "DOWN"}


def _rounding_mode(value: object) -> str:
    mode = str(value).upper()
    mode = _SAME_MODES.get(mode, mode)
    if mode not in ROUNDING_MODES:
        raise ValueError(f"{value!r} is none of {', '.join((*ROUNDING_MODES, *_SAME_MODES))}")
    return mode


def _flag(value: object) -> int:
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither 0 nor 1")
    return int(value == 1)


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _axis_of_layout(value: object) -> int:
    """Return the place of C in a layout such as "NHWC"; 0, "by rank", for none."""
    layout = str(value)
    if not layout:
        return 0
    place = layout.find("C")
    if place == 0 or layout.count("C") > 1:
        raise ValueError(f"{value!r} is no layout with channels behind the batch")
    return place if place > 0 else 1


@dataclass(frozen=True)
class _Attribute:
    """An attribute of a custom op: ours is called ``name``, and ``read`` brings it to our form."""

    name: str
    read: Callable[[object], int | float | str]
    default: int | float | str


_ROUND = _Attribute("rounding_mode", _rounding_mode, "ROUND")
_FLOOR = _Attribute("rounding_mode", _rounding_mode, "FLOOR")
_SIGNED = _Attribute("signed", _flag, 1)
_NARROW = _Attribute("narrow", _flag, 0)


@dataclass(frozen=True)
class _CustomOp:
    """What an op of ours is called elsewhere, with which attributes.

    Attributes:
        name: our op type.
        attributes: by foreign name; one that is missing has its default.
        unread: attributes that say nothing about the answer.
    """

    name: str
    attributes: Mapping[str, _Attribute]
    unread: frozenset[str] = frozenset()


_INT_QUANT = _CustomOp("IntQuant", {"narrow": _NARROW, "rounding_mode": _ROUND, "signed": _SIGNED})
_TRUNC_V1 = _CustomOp("TruncV1", {"rounding_mode": _FLOOR})
_TRUNC_V2 = _CustomOp("TruncV2", {"narrow": _NARROW, "rounding_mode": _FLOOR, "signed": _SIGNED})
_MULTI_THRESHOLD = _CustomOp(
    "MultiThreshold",
    {
        "data_layout": _Attribute("axis", _axis_of_layout, ""),
        "out_bias": _Attribute("out_bias", _number, 0.0),
        "out_scale": _Attribute("out_scale", _number, 1.0),
    },
    unread=frozenset({"out_dtype"}),
)

_CUSTOM_OPS: dict[str, tuple[_CustomOp, ...]] = {
    "BipolarQuant": (_CustomOp("BipolarQuant", {}),),
    "IntQuant": (_INT_QUANT,),
    "MultiThreshold": (_MULTI_THRESHOLD,),
    "Quant": (_INT_QUANT,),
    "Trunc": (_TRUNC_V1, _TRUNC_V2),
    "XnorPopcountMatMul": (_CustomOp("XnorPopcountMatMul", {}),),
}
"""By foreign op type; versions of an op differ in how many inputs they have."""


def adopt_custom_ops(model: onnx.ModelProto) -> list[str]:
    """Rename the nodes of custom ops to ops of our domain, in place.

    All inputs but the first are given to the op as float32. Ops that the model itself defines as
    functions, and those within sub-graphs, stay what they are.

    Returns:
        One line for every node that does not fit the definition of its op.
    """
    functions = {(function.domain, function.name) for function in model.functions}
    found = [
        node
        for node in model.graph.node
        if node.domain in _DOMAINS
        and node.op_type in _CUSTOM_OPS
        and (node.domain, node.op_type) not in functions
        and not (node.domain == "" and onnx.defs.has(node.op_type))
    ]
    if not found:
        return []
    problems = []
    for node in found:
        label = node_label(node)
        problems += [f"{label}: {text}" for text in _adopt(node)]
    if problems:
        return problems
    versioned = any(entry.domain == "" for entry in model.opset_import)
    if not versioned and not any(node.domain == "" for node in model.graph.node):
        model.opset_import.append(onnx.helper.make_opsetid("", TARGET_OPSET))  # for the Casts
    _cast_operands(model.graph, found)
    return []


def _adopt(node: onnx.NodeProto) -> list[str]:
    """Rewrite ``node``; where that fails, only its op, and return one line for every reason."""
    versions = _CUSTOM_OPS[node.op_type]
    node.domain, node.op_type = DOMAIN, versions[0].name
    by_inputs = {len(OPS[version.name].inputs): version for version in versions}
    op = by_inputs.get(len(node.input))
    if op is None or not all(node.input) or len(node.output) != 1:
        wanted = " or ".join(str(count) for count in by_inputs)
        return [f"it needs {wanted} inputs and 1 output, none left out; it has {len(node.input)}"]
    given = {attribute.name: attribute for attribute in node.attribute}
    problems = [
        f"it has an attribute {name!r} that the op does not know"
        for name in given
        if name not in op.attributes and name not in op.unread
    ]
    attributes: dict[str, int | float | str] = {}
    for name, attribute in op.attributes.items():
        try:
            value = attribute_value(given[name]) if name in given else attribute.default
            attributes[attribute.name] = attribute.read(value)
        except (TypeError, ValueError) as error:
            problems.append(f"attribute {name!r}: {error}")
    if problems:
        return problems
    made: Sequence[AttributeProto] = [
        onnx.helper.make_attribute(name, value) for name, value in sorted(attributes.items())
    ]
    del node.attribute[:]
    node.attribute.extend(made)
    node.op_type = op.name
    return []


def _cast_operands(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Put a Cast to float32 in front of every operand that is not known to be that already.

    A bit width is often an integer; MultiThreshold's thresholds may be, too.
    """
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    types.update((info.name, info.type.tensor_type.elem_type) for info in graph.input)
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | set(types)
    casts: dict[str, str] = {}
    first_reader: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for position, name in enumerate(node.input):
            if position == 0 or types.get(name) == TensorProto.FLOAT:
                continue
            if name not in casts:
                casts[name] = _free_name(f"{name}_float", taken)
                made = onnx.helper.make_node("Cast", [name], [casts[name]], to=TensorProto.FLOAT)
                first_reader.setdefault(node.output[0], []).append(made)
            node.input[position] = casts[name]
    if not casts:
        return
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    del graph.node[:]
    for node in kept:
        graph.node.extend(first_reader.get(node.output[0], []) if node.output else [])
        graph.node.append(node)


def _free_name(hint: str, taken: set[str]) -> str:
    name, count = hint, 0
    while name in taken:
        count += 1
        name = f"{hint}_{count}"
    taken.add(name)
    return name
