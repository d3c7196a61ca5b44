"""Lowering: a graph becomes native programs (packed weights, chosen kernels) and Python steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnn_engine import _core
from bnn_engine.errors import UnsupportedOpError
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering.emitter import Emitter
from bnn_engine.lowering.native_op import fused_origins, layer_name
from bnn_engine.lowering.native_ops import NATIVE_OPS
from bnn_engine.lowering.python_step import NodeFunction, multiply_accumulates, python_function
from bnn_engine.lowering.stages import Stage, split
from bnn_engine.lowering.summary import LayerSummary, Summary
from bnn_engine.network import NativeStage, Network, PythonStage

__all__ = ["LayerSummary", "Summary", "lower"]


def lower(graph: Graph, num_threads: int, fallback: str) -> tuple[Network, list[LayerSummary]]:
    """Make ``graph`` executable.

    Args:
        graph: after all passes.
        num_threads: threads each program may use.
        fallback: "reference" runs standard ops without a native kernel through ``onnx.reference``;
            "error" refuses them.

    Returns:
        The network and a summary row for every step in execution order.

    Raises:
        UnsupportedOpError: lists every node that cannot be run.
        IsaError: ``BNN_ENGINE_ISA`` cannot be honoured.
    """
    stages = split(graph)
    functions = {
        id(stage.nodes[0]): python_function(stage.nodes[0], graph.opset, graph.domain_versions)
        for stage in stages
        if stage.reason is not None
    }
    _require_runnable(stages, functions, graph.opset, fallback)

    made: list[NativeStage | PythonStage] = []
    layers: list[LayerSummary] = []
    for stage in stages:
        if stage.reason is None:
            native, rows = _native_stage(stage.nodes, graph, num_threads)
            made.append(native)
            layers += rows
        else:
            node = stage.nodes[0]
            made.append(_python_stage(node, functions[id(node)]))
            layers.append(_python_layer(node, stage.reason, graph))

    outputs = [value.name for value in graph.outputs]
    read = {name for stage in made if isinstance(stage, PythonStage) for name in stage.inputs}
    constants = {
        value.name: value.const
        for value in graph.constants()
        if value.const is not None and (value.name in read or value.name in outputs)
    }
    return Network(made, constants, [value.name for value in graph.inputs], outputs), layers


def _require_runnable(
    stages: list[Stage], functions: dict[int, NodeFunction | str], opset: int, fallback: str
) -> None:
    """Raise UnsupportedOpError with every node that neither the core nor Python may run."""
    problems = []
    for stage in stages:
        if stage.reason is None:
            continue
        node, function = stage.nodes[0], functions[id(stage.nodes[0])]
        where = f"{_label(node)} (domain {node.domain or 'ai.onnx'}, opset {opset})"
        if fallback == "error":
            problems.append(f"{where}: {stage.reason}")
        elif isinstance(function, str):
            problems.append(f"{where}: {function}")
    if problems:
        hint = "" if fallback == "reference" else " natively (fallback='error')"
        raise UnsupportedOpError(f"{len(problems)} nodes cannot be run{hint}:", problems)


def _label(node: Node) -> str:
    return f"{node.op_type} {layer_name(node)!r}"


def _python_stage(node: Node, function: NodeFunction | str) -> PythonStage:
    assert not isinstance(function, str)
    reads = (*node.inputs, *node.captures.values())
    inputs = tuple(None if value is None else value.name for value in reads)
    return PythonStage(_label(node), function, inputs, tuple(v.name for v in node.outputs))


def _dtype(value: Value) -> np.dtype[Any]:
    assert value.dtype is not None
    return value.dtype


def _python_layer(node: Node, reason: str, graph: Graph) -> LayerSummary:
    reasons = [graph.reasons.get(node.output.name, ""), f"runs in Python: {reason}"]
    constants = [v.const for v in node.inputs if v is not None and v.const is not None]
    return LayerSummary(
        layer_name(node),
        node.op_type,
        executor="python",
        fused=fused_origins(node, ()),
        float_macs=multiply_accumulates(node),
        bytes=sum(array.nbytes for array in constants),
        reason="; ".join(filter(None, reasons)),
    )


def _native_stage(
    nodes: list[Node], graph: Graph, num_threads: int
) -> tuple[NativeStage, list[LayerSummary]]:
    """One program for ``nodes``."""
    own = {id(node) for node in nodes}
    inputs: dict[int, Value] = {}
    for node in nodes:
        for value in node.inputs:
            if value is None or value.const is not None:
                continue
            if value.producer is None or id(value.producer) not in own:
                inputs.setdefault(id(value), value)
    ordered = [value for value in graph.inputs if id(value) in inputs]
    ordered += [value for value in inputs.values() if all(value is not other for other in ordered)]
    outputs: dict[int, Value] = {}
    for value in graph.outputs:
        if value.producer is not None and id(value.producer) in own:
            outputs.setdefault(id(value), value)
    for node in nodes:
        for value in node.outputs:
            if any(id(consumer) not in own for consumer in value.consumers):
                outputs.setdefault(id(value), value)

    batched = all(value.shape and not isinstance(value.shape[0], int) for value in ordered)
    rows_independent = graph.rows_independent is None and batched

    def build(*, keep_nan: bool) -> tuple[_core.Program, list[LayerSummary], bool]:
        emitter = Emitter(nodes, keep_nan=keep_nan)
        for value in ordered:
            emitter.add_input(value)
        for node in nodes:
            if emitter.owns(node):
                NATIVE_OPS[node.domain, node.op_type].emit(node, graph, emitter)
        ids = [emitter.plain(value) for value in outputs.values()]
        return *emitter.finish(ids, rows_independent, num_threads), emitter.packs_signs

    program, layers, packs_signs = build(keep_nan=False)
    stage = NativeStage(
        program,
        tuple(value.name for value in ordered),
        tuple(_dtype(value) for value in ordered),
        tuple(value.name for value in outputs.values()),
        tuple(_dtype(value) for value in outputs.values()),
        (lambda: build(keep_nan=True)[0]) if packs_signs else None,
    )
    return stage, layers
