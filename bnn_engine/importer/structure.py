"""Checks how a model's parts refer to each other, and brings its nodes into order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

import onnx

from bnn_engine.graph.protobuf import array_dtype
from bnn_engine.graph.subgraphs import captured_names, subgraphs
from bnn_engine.importer.tensors import MAX_EXTENT

__all__ = ["check_structure", "check_texts", "node_label", "normalise_domains", "sort_nodes"]


# Types that hold tensors; what is inside is bounded by how deep protobuf messages may nest.
_CONTAINERS = ("sequence_type", "optional_type", "map_type")


def node_label(node: onnx.NodeProto) -> str:
    """How messages name a node."""
    name = node.name or (node.output[0] if node.output else "")
    return f"node {name!r} ({node.op_type})"


def normalise_domains(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write the default domain as "", which many models spell ``ai.onnx``; in place."""
    for entry in model.opset_import:
        if entry.domain == "ai.onnx":
            entry.domain = ""
    for function in model.functions:
        for entry in function.opset_import:
            if entry.domain == "ai.onnx":
                entry.domain = ""
        _normalise(function.node)
    _normalise(model.graph.node)
    return model


def _normalise(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        if node.domain == "ai.onnx":
            node.domain = ""
        for inner in subgraphs(node):
            _normalise(inner.node)


def check_texts(model: onnx.ModelProto) -> list[str]:
    """Return one line for every name that is no UTF-8; protobuf gives these as bytes."""
    texts: Iterator[object] = chain(
        (entry.domain for entry in model.opset_import),
        _texts(model.graph),
        *((f.name, f.domain, *f.input, *f.output, *f.attribute) for f in model.functions),
        *(_node_texts(node) for f in model.functions for node in f.node),
    )
    return [f"the name {text!r} is not UTF-8" for text in texts if not isinstance(text, str)]


def _texts(graph: onnx.GraphProto) -> Iterator[object]:
    yield graph.name
    for info in (*graph.input, *graph.output, *graph.value_info):
        yield info.name
        yield from (dim.dim_param for dim in info.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from _node_texts(node)


def _node_texts(node: onnx.NodeProto) -> Iterator[object]:
    yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
    for attribute in node.attribute:
        yield from (attribute.name, attribute.ref_attr_name)
    for inner in subgraphs(node):
        yield from _texts(inner)
    yield from (text for item in node.metadata_props for text in (item.key, item.value))


def check_structure(model: onnx.ModelProto) -> list[str]:
    """Return one line for every inconsistency of ``model``."""
    problems: list[str] = []
    seen: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if seen.setdefault(domain, entry.version) != entry.version:
            problems.append(f"opset import: domain {domain!r} has two versions")
    graph = model.graph
    if not graph.output:
        problems.append("the graph has no outputs")
    _check_graph(graph, set(), "", problems)
    constants = {tensor.name for tensor in graph.initializer}
    for info in graph.input:
        if info.name not in constants:
            problems.extend(_type_problems(info, "input"))
    problems.extend(
        f"output {name!r} is listed twice" for name in _repeated(info.name for info in graph.output)
    )
    problems.extend("a function has no name" for f in model.functions if not f.name)
    if model.producer_name == "pytorch" and any("does not exist" in line for line in problems):
        problems.append(
            f"pytorch {model.producer_version} wrote this model, whose dynamo exporter is known to "
            "lose values: export again with dynamo=False, or with another opset_version"
        )
    return problems


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _type_problems(info: onnx.ValueInfoProto, what: str) -> list[str]:
    innermost = info.type
    while (kind := innermost.WhichOneof("value")) != "tensor_type":
        if kind not in _CONTAINERS:
            return [f"{what} {info.name!r} has {kind or 'no type'}, which is not supported"]
        contained = getattr(innermost, kind)
        innermost = contained.value_type if kind == "map_type" else contained.elem_type
    tensor = innermost.tensor_type
    if array_dtype(tensor.elem_type) is None:
        return [f"{what} {info.name!r} has no element type that ONNX knows"]
    extents = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
    if any(not 0 <= extent <= MAX_EXTENT for extent in extents):
        return [f"{what} {info.name!r} has an impossible shape {extents}"]
    return []


def _check_graph(graph: onnx.GraphProto, outer: set[str], where: str, problems: list[str]) -> None:
    """Check names within ``graph``; ``outer`` are the names that it may read from outside."""
    problems.extend(
        f"{where}sparse initializer {tensor.values.name!r} is not supported"
        for tensor in graph.sparse_initializer
    )
    constants = [tensor.name for tensor in graph.initializer]
    defined: set[str] = set()
    for name in constants:
        if not name or name in defined:
            problems.append(
                f"{where}initializer {name!r} {'is there twice' if name else 'has no name'}"
            )
        defined.add(name)
    inputs: set[str] = set()
    for info in graph.input:
        if not info.name or info.name in inputs:
            problems.append(
                f"{where}input {info.name!r} {'is there twice' if info.name else 'has no name'}"
            )
        inputs.add(info.name)
    defined |= inputs
    for node in graph.node:
        for name in filter(None, node.output):
            if name in defined:
                problems.append(f"{where}{node_label(node)}: its output {name!r} is defined twice")
            defined.add(name)
        if not any(node.output):
            problems.append(f"{where}{node_label(node)} has no outputs")
    visible = outer | defined
    for node in graph.node:
        problems.extend(
            f"{where}{node_label(node)}: its input {name!r} does not exist"
            for name in dict.fromkeys(filter(None, node.input))
            if name not in visible
        )
        problems.extend(
            f"{where}{node_label(node)}: attribute {attribute.name!r} refers to that of a function"
            for attribute in node.attribute
            if attribute.ref_attr_name
        )
        problems.extend(
            f"{where}{node_label(node)}: attribute {name!r} is there twice"
            for name in _repeated(attribute.name for attribute in node.attribute)
        )
        for inner in subgraphs(node):
            _check_graph(inner, visible, f"{where}{node_label(node)}: sub-graph: ", problems)
    problems.extend(
        f"{where}output {info.name!r} does not exist"
        for info in graph.output
        if info.name not in visible
    )


def sort_nodes(graph: onnx.GraphProto) -> list[str]:
    """Bring the nodes of ``graph`` and its sub-graphs into topological order, in place.

    Nodes that are in order already keep their places.

    Returns:
        One line for every cycle.
    """
    problems = [
        line for node in graph.node for inner in subgraphs(node) for line in sort_nodes(inner)
    ]
    producer = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    needs = [_needs(node, producer) for node in graph.node]
    if all(before < position for position, needed in enumerate(needs) for before in needed):
        return problems
    order: list[int] = []
    state = [0] * len(needs)  # 0 not visited, 1 being visited, 2 placed
    for root in range(len(needs)):
        # Depth first with an explicit stack: hostile graphs are deeper than Python's recursion
        # limit.
        stack = [root]
        while stack:
            position = stack[-1]
            if state[position] == 0:
                state[position] = 1
                for before in reversed(needs[position]):
                    if state[before] == 1:
                        node = graph.node[position]
                        return [*problems, f"{node_label(node)} is part of a cycle"]
                    if state[before] == 0:
                        stack.append(before)
            else:
                stack.pop()
                if state[position] == 1:
                    state[position] = 2
                    order.append(position)
    nodes = [onnx.NodeProto.FromString(graph.node[i].SerializeToString()) for i in order]
    del graph.node[:]
    graph.node.extend(nodes)
    return problems


def _needs(node: onnx.NodeProto, producer: dict[str, int]) -> list[int]:
    """Positions of the nodes that ``node`` reads from."""
    read = list(node.input)
    for inner in subgraphs(node):
        read.extend(captured_names(inner))
    return sorted({producer[name] for name in read if name in producer})
