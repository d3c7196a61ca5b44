"""The importer: reads, checks, normalises, in this order."""

from __future__ import annotations

import onnx

from bnn_engine.errors import ModelFormatError, UnsupportedOpError
from bnn_engine.graph.graph import Graph
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.graph.protobuf import from_model
from bnn_engine.importer.custom_domains import adopt_custom_ops
from bnn_engine.importer.normalise import (
    TARGET_OPSET,
    check_opsets,
    convert_opset,
    inline_functions,
    unconvertible,
)
from bnn_engine.importer.old_slopes import lay_slopes_along_channels
from bnn_engine.importer.operators import check_uses, unknown_ops
from bnn_engine.importer.reading import Source, read_model
from bnn_engine.importer.structure import (
    check_structure,
    check_texts,
    normalise_domains,
    sort_nodes,
)
from bnn_engine.importer.tensors import check_tensors, forget_types, without_weights
from bnn_engine.ops import DOMAIN, OPS

__all__ = ["import_model"]

_INVALID = "this is not a valid ONNX model:"


def import_model(source: Source) -> Graph:
    """Read, check and normalise a model.

    A model with ops of the domain ``bnn_engine`` (a packed file, or a saved stage of a graph) is
    taken as it is: without opset conversion and without shape inference, but with all checks. Ops
    of QONNX and FINN become ops of our domain.

    Args:
        source: path, bytes or ``onnx.ModelProto`` (left unchanged).

    Returns:
        A graph at opset 21 or later. Names of inputs, outputs and tensors are those of the model.

    Raises:
        ModelFormatError: the source is no valid model; lists all problems found.
        UnsupportedOpError: lists every node whose op nobody defines.
    """
    model, folder = read_model(source)
    _require_valid(check_texts(model))
    weights, problems = check_tensors(model, folder)
    inconsistent = check_structure(model)
    packed = _is_packed(model)
    skeleton = normalise_domains(without_weights(model, weights, keep_types=packed))
    if not inconsistent:  # else cycles may be nothing but names with two meanings
        inconsistent = sort_nodes(skeleton.graph)
    problems += inconsistent
    problems += [] if packed else adopt_custom_ops(skeleton)
    _require_sound(skeleton, problems)
    if any(function.domain != DOMAIN for function in skeleton.functions):
        skeleton = inline_functions(skeleton)
        _require_sound(skeleton, [] if packed else adopt_custom_ops(skeleton))
    if packed:
        graph = from_model(skeleton, weights)
        graph.analysed = True
        _require_valid(_domain_problems(graph))
        return graph
    version = next((e.version for e in skeleton.opset_import if e.domain == ""), TARGET_OPSET)
    converted = convert_opset(skeleton)
    forget_types(converted)  # the converter writes what it inferred, with symbols of its own
    graph = from_model(converted, weights)
    _name_extents(graph)
    infer_shapes(graph)
    if version < 7:
        lay_slopes_along_channels(graph)
    _require_valid(_domain_problems(graph))
    return graph


def _is_packed(model: onnx.ModelProto) -> bool:
    return any(entry.domain == DOMAIN for entry in model.opset_import)


def _require_valid(problems: list[str]) -> None:
    if problems:
        raise ModelFormatError(_INVALID, problems)


def _require_sound(model: onnx.ModelProto, problems: list[str]) -> None:
    """Raise one error with ``problems`` and all that is wrong with ops and how they are used."""
    opsets = check_opsets(model)
    unknown = [] if opsets else unknown_ops(model)
    problems = [*problems, *opsets, *([] if opsets else check_uses(model))]
    if problems:
        raise ModelFormatError(_INVALID, [*problems, *unknown])
    unsupported = [*unknown, *unconvertible(model)]
    if unsupported:
        raise UnsupportedOpError("the model contains ops that cannot be run:", unsupported)


def _domain_problems(graph: Graph) -> list[str]:
    """Return one line for every node of our domain that does not fit its definition."""
    problems = []
    for node in graph.nodes:
        if node.domain != DOMAIN:
            continue
        inputs = [value for value in node.inputs if value is not None]
        reason = OPS[node.op_type].problem(
            [value.dtype for value in inputs], [value.shape for value in inputs], node.attributes
        )
        if reason is not None:
            problems.append(f"node {node.name or node.output.name!r} ({node.op_type}): {reason}")
    return problems


def _name_extents(graph: Graph) -> None:
    """Give every unknown extent of an input a symbol, so that equal extents can be recognised."""
    for value in graph.inputs:
        if value.shape is not None:
            value.shape = tuple(
                f"{value.name}_{axis}" if extent is None else extent
                for axis, extent in enumerate(value.shape)
            )
