"""Runs a graph at any stage in Python: the measure for passes, and the long tail of standard ops.

Standard ops run through ``onnx.reference``, ops of our domain through their NumPy reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.graph.grid_sample import grid_sample
from bnn_engine.graph.normalizations import batch_norm, given, group_norm, log_softmax
from bnn_engine.graph.numpy_ops import numpy_function
from bnn_engine.graph.windows import WINDOW_OPS
from bnn_engine.ops import DOMAIN, OPS

__all__ = ["evaluate", "node_function"]

Array = NDArray[Any]
NodeFunction = Callable[[Sequence[Any]], list[Any]]
"""Inputs (None where omitted), then captured values, to outputs.

Values are arrays; or lists, dicts and None for sequences, maps and empty optionals.
"""


def _with_attributes(
    function: Callable[[Sequence[Any], Mapping[str, Any]], list[Array]],
) -> Callable[[Node], NodeFunction]:
    def of(node: Node) -> NodeFunction:
        def run(arrays: Sequence[Any]) -> list[Any]:
            with np.errstate(all="ignore"):
                return list(function(arrays, node.attributes))

        return run

    return of


def _optional(node: Node) -> NodeFunction:
    """A value is its own optional; ``onnx.reference`` puts it into a list."""
    del node
    return lambda arrays: [arrays[0] if arrays else None]


_OWN: Mapping[str, Callable[[Node], NodeFunction | None]] = {
    "BatchNormalization": batch_norm,
    "GridSample": _with_attributes(grid_sample),
    "GroupNormalization": group_norm,
    "LogSoftmax": log_softmax,
    "Optional": _optional,
    **{op_type: _with_attributes(function) for op_type, function in WINDOW_OPS.items()},
}
"""Ops that ``onnx.reference`` gets wrong, is slow at or lacks; None for uses that it may run."""


def evaluate(
    graph: Graph, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
) -> dict[str, Array]:
    """Run ``graph``.

    Args:
        graph: any stage.
        feeds: array by input name.
        outputs: names of the values to return, any of the graph; its outputs by default.

    Returns:
        Array by name.
    """
    return _compile(graph, outputs)(feeds)


def _compile(
    graph: Graph, outputs: Sequence[str] | None = None
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return :func:`evaluate` of ``graph`` as a function of the feeds."""
    names = [value.name for value in graph.outputs] if outputs is None else list(outputs)
    constants = {value.name: value.const for value in graph.constants()}
    steps = [
        (
            node_function(node, graph.opset, graph.domain_versions),
            [None if v is None else v.name for v in (*node.inputs, *node.captures.values())],
            [value.name for value in node.outputs],
        )
        for node in graph.nodes
    ]

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        known: dict[str, Any] = dict(constants)
        known.update((value.name, _as_value(feeds[value.name])) for value in graph.inputs)
        for function, reads, written in steps:
            results = function([None if name is None else known[name] for name in reads])
            known.update(zip(written, results, strict=False))
        return {name: known[name] for name in names}

    return run


def node_function(
    node: Node, opset: int, domain_versions: Mapping[str, int] | None = None
) -> NodeFunction:
    """Return a function that computes ``node`` on arrays.

    Args:
        node: a node of a standard domain or of ours.
        opset: version of the default domain that it follows.
        domain_versions: versions of the other domains; the newest ones by default.

    Raises:
        Exception: whatever ``onnx.reference`` raises for an op that it does not implement.
    """
    if node.domain == DOMAIN:
        definition, attributes = OPS[node.op_type], node.attributes
        return lambda arrays: [definition.reference([given(a) for a in arrays], attributes)]
    own = _OWN.get(node.op_type) if not node.domain else None
    function = None if own is None else own(node)
    if function is not None:
        return function
    versions = dict(domain_versions or {})
    if node.op_type in ("If", "Loop", "Scan"):
        from bnn_engine.graph.control_flow import CONTROL_FLOW, Body

        return CONTROL_FLOW[node.op_type](
            node, lambda name: Body(node.attributes[name], node, _compile, opset, versions)
        )
    return numpy_function(node) or _reference_function(node, opset, versions)


def _reference_function(node: Node, opset: int, versions: dict[str, int]) -> NodeFunction:
    import onnx
    from onnx.reference import ReferenceEvaluator

    from bnn_engine.graph.protobuf import node_proto

    proto = node_proto(node)
    slots = [*proto.input, *(value.name for value in node.captures.values())]
    names = list(dict.fromkeys(filter(None, slots)))
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [proto],
            "node",
            [onnx.ValueInfoProto(name=name) for name in names],
            [onnx.ValueInfoProto(name=value.name) for value in node.outputs],
        ),
        opset_imports=[
            onnx.helper.make_opsetid(domain, version)
            for domain, version in {**_newest_versions(), **versions, "": opset}.items()
        ],
    )
    evaluator = ReferenceEvaluator(model)

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        feeds = {name: a for name, a in zip(slots, arrays, strict=True) if name}
        with np.errstate(all="ignore"):
            return [_as_value(result) for result in evaluator.run(None, feeds)]

    return run


@cache
def _newest_versions() -> dict[str, int]:
    """Versions of the standard domains besides the default one."""
    import onnx.defs

    versions: dict[str, int] = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain.startswith("ai.onnx."):
            versions[schema.domain] = max(versions.get(schema.domain, 1), schema.since_version)
    return versions


def _as_value(result: Any) -> Any:
    """Scalars of NumPy as arrays; sequences, optionals and maps as they are."""
    return result if result is None or isinstance(result, (list, dict)) else np.asarray(result)
