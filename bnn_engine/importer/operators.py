"""Checks that every node is an op somebody defines, used the way it is defined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import onnx
import onnx.defs
from onnx import AttributeProto

from bnn_engine.graph.subgraphs import subgraphs
from bnn_engine.importer.structure import node_label
from bnn_engine.ops import DOMAIN, OPS

__all__ = ["QONNX_DOMAINS", "check_uses", "op_label", "since_version", "unknown_ops"]

QONNX_DOMAINS = ("finn.custom_op.general", "onnx.brevitas", "qonnx.custom_op.general")
"""Domains under which Brevitas, QONNX and FINN write their ops."""

_STANDARD_DOMAINS = ("", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")

# NumPy knows no more. Bodies of functions and references count from one axis to another.
_MAX_AXES = 64


@dataclass(frozen=True)
class _Signature:
    """What a schema says about a node's form."""

    min_inputs: int
    max_inputs: int
    optional_inputs: frozenset[int]
    min_outputs: int
    max_outputs: int
    attribute_types: Mapping[str, AttributeProto.AttributeType]
    required: frozenset[str]
    deprecated: bool
    since_version: int


@lru_cache(maxsize=1024)
def _signature(op_type: str, domain: str, version: int) -> _Signature | None:
    """Return the op's schema at ``version``, None if there is none."""
    try:
        schema = onnx.defs.get_schema(op_type, version, domain)
    except onnx.defs.SchemaError:
        return None
    attributes = schema.attributes
    return _Signature(
        schema.min_input,
        schema.max_input,
        frozenset(
            index
            for index, formal in enumerate(schema.inputs)
            if formal.option == onnx.defs.OpSchema.FormalParameterOption.Optional
        ),
        schema.min_output,
        schema.max_output,
        {name: _number(attribute.type) for name, attribute in attributes.items()},
        frozenset(name for name, attribute in attributes.items() if attribute.required),
        schema.deprecated,
        schema.since_version,
    )


def _number(kind: Any) -> AttributeProto.AttributeType:
    number: AttributeProto.AttributeType = AttributeProto.AttributeType.Value(kind.name)
    return number


def since_version(op_type: str, opset: int) -> int | None:
    """Version of a standard op's definition that holds at ``opset``; None if there is none."""
    signature = _signature(op_type, "", opset)
    return None if signature is None else signature.since_version


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for inner in subgraphs(node):
            yield from _all_nodes(inner.node)


def op_label(node: onnx.NodeProto, opset: int | None) -> str:
    """How messages name a node that cannot be run; ``opset`` is None where it is not imported."""
    name = node.name or "".join(node.output[:1])
    version = "not imported" if opset is None else opset
    return f"{name!r}: op {node.op_type}, domain {node.domain!r}, opset {version}"


def unknown_ops(model: onnx.ModelProto) -> list[str]:
    """Return one line for every node whose op is neither standard nor ours nor a function."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    functions = {(function.domain, function.name) for function in model.functions}
    lines = []
    for node in _all_nodes(model.graph.node):
        reason = _unknown(node, versions, functions)
        if reason:
            lines.append(f"{op_label(node, versions.get(node.domain))}: {reason}")
    return lines


def _unknown(
    node: onnx.NodeProto, versions: Mapping[str, int], functions: set[tuple[str, str]]
) -> str | None:
    if node.domain == DOMAIN:
        return None if node.op_type in OPS else f"the domain {DOMAIN} has no such op"
    if (node.domain, node.op_type) in functions:
        return None
    if node.domain in QONNX_DOMAINS:
        return (
            "of QONNX and FINN, BipolarQuant, IntQuant (Quant), MultiThreshold, Trunc and "
            "XnorPopcountMatMul are known, outside of sub-graphs"
        )
    if node.domain not in _STANDARD_DOMAINS:
        return "custom ops of this domain are not known"
    signature = _signature(node.op_type, node.domain, versions.get(node.domain, 1))
    if signature is None:
        return "no such op in this opset"
    if signature.deprecated:
        return "the op is deprecated and no longer part of this opset"
    return None


def check_uses(model: onnx.ModelProto) -> list[str]:
    """Return one line for every node of a standard op that does not fit the op's definition."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    functions = {(function.domain, function.name) for function in model.functions}
    lines: list[str] = []
    for node in _all_nodes(model.graph.node):
        if node.domain in _STANDARD_DOMAINS and (node.domain, node.op_type) not in functions:
            signature = _signature(node.op_type, node.domain, versions.get(node.domain, 1))
            if signature is not None:
                lines.extend(f"{node_label(node)}: {text}" for text in _misuse(node, signature))
    return lines


def _ints(attribute: onnx.AttributeProto) -> list[int]:
    """The integers of ``attribute``, [] where it holds something else."""
    single = attribute.type == AttributeProto.INT
    return [attribute.i] if single else list(attribute.ints)


def _misuse(node: onnx.NodeProto, signature: _Signature) -> Iterator[str]:
    if not signature.min_inputs <= len(node.input) <= signature.max_inputs:
        yield f"it has {len(node.input)} inputs"
    elif any(
        not name and index not in signature.optional_inputs
        for index, name in enumerate(node.input[: signature.min_inputs])
    ):
        yield "an input that it needs is left out"
    if not signature.min_outputs <= len(node.output) <= signature.max_outputs:
        yield f"it has {len(node.output)} outputs"
    given = {attribute.name: attribute for attribute in node.attribute}
    for name in sorted(signature.required - set(given)):
        yield f"it lacks the attribute {name!r}"
    for name, attribute in given.items():
        expected = signature.attribute_types.get(name)
        if expected is None:
            yield f"it has an attribute {name!r} that the op does not know"
        elif attribute.type != expected:
            yield (
                f"its attribute {name!r} is {AttributeProto.AttributeType.Name(attribute.type)} "
                f"instead of {AttributeProto.AttributeType.Name(expected)}"
            )
        elif name in ("axis", "axes") and any(abs(axis) > _MAX_AXES for axis in _ints(attribute)):
            yield f"its attribute {name!r} is {_ints(attribute)}; no tensor has so many axes"
