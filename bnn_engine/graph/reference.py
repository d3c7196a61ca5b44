"""Runs a graph at any stage in Python: the measure for passes, and the long tail of standard ops.

Standard ops run through ``onnx.reference``, ops of our domain through their NumPy reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.arithmetic import batch_norm_coefficients
from bnn_engine.graph.graph import Graph, Node
from bnn_engine.graph.grid_sample import grid_sample
from bnn_engine.graph.numpy_ops import numpy_function
from bnn_engine.graph.windows import WINDOW_OPS
from bnn_engine.ops import DOMAIN, OPS

__all__ = ["evaluate", "node_function"]

Array = NDArray[Any]
NodeFunction = Callable[[Sequence[Any]], list[Any]]
"""Inputs (None where omitted), then captured values, to outputs.

Values are arrays; or lists, dicts and None for sequences, maps and empty optionals.
"""


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
        return lambda arrays: [definition.reference([_given(a) for a in arrays], attributes)]
    if node.op_type == "BatchNormalization" and not node.attributes.get("training_mode"):
        return _batch_norm(float(node.attributes.get("epsilon", 1e-5)))  # type: ignore[arg-type]
    if node.op_type == "LogSoftmax":
        axis = node.attributes.get("axis", -1)
        assert isinstance(axis, int)
        return _log_softmax(axis)
    if node.op_type == "GroupNormalization":
        return _group_norm(node)
    if node.op_type == "GridSample":
        return lambda arrays: grid_sample(arrays, node.attributes)
    if node.op_type == "Optional":
        return lambda arrays: [arrays[0] if arrays else None]
    if node.op_type in WINDOW_OPS:
        window_op, attributes = WINDOW_OPS[node.op_type], node.attributes
        return lambda arrays: window_op(arrays, attributes)
    versions = dict(domain_versions or {})
    if node.op_type in ("If", "Loop", "Scan"):
        from bnn_engine.graph.control_flow import CONTROL_FLOW, Body

        return CONTROL_FLOW[node.op_type](
            node, lambda name: Body(node.attributes[name], node, _compile, opset, versions)
        )
    return numpy_function(node) or _reference_function(node, opset, versions)


def _given(array: Array | None) -> Array:
    assert array is not None
    return array


def _batch_norm(epsilon: float) -> NodeFunction:
    """As ONNX Runtime rounds it: the textbook formula of ``onnx.reference`` differs at ties.

    Shorter floats than float32 are rounded once, at the end.
    """

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x, *parameters = (_given(array) for array in arrays)
        s, b = batch_norm_coefficients(parameters, epsilon)
        along_channels = (-1, *[1] * (x.ndim - 2))
        with np.errstate(all="ignore"):
            y = x.astype(s.dtype, copy=False) * s.reshape(along_channels)
            return [(y + b.reshape(along_channels)).astype(x.dtype, copy=False)]

    return run


def _group_norm(node: Node) -> NodeFunction:
    """In float32, as the default ``stash_type`` says; ``onnx.reference`` cannot run it."""
    groups: Any = node.attributes["num_groups"]
    epsilon: Any = node.attributes.get("epsilon", 1e-5)

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x, scale, bias = (_given(array) for array in arrays)
        wide = np.float64 if x.dtype == np.float64 else np.float32
        rows = x.astype(wide).reshape(x.shape[0], groups, -1)
        with np.errstate(all="ignore"):
            deviation = np.sqrt(rows.var(axis=2, keepdims=True) + wide(epsilon))
            normal = ((rows - rows.mean(axis=2, keepdims=True)) / deviation).reshape(x.shape)
            along_channels = (-1, *[1] * (x.ndim - 2))
            y = normal.astype(x.dtype) * scale.reshape(along_channels)
            return [(y + bias.reshape(along_channels)).astype(x.dtype)]

    return run


def _log_softmax(axis: int) -> NodeFunction:
    """Stay finite for finite inputs; ``onnx.reference`` takes log of a softmax that may be 0."""

    def run(arrays: Sequence[Array | None]) -> list[Array]:
        x = _given(arrays[0])
        with np.errstate(all="ignore"):
            shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
            return [shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))]

    return run


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
