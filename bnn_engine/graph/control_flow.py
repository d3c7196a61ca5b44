"""If, Loop and Scan: sub-graphs run node by node, by the same functions as the graph around them.

``onnx.reference`` stacks the scalars that a Loop collects into a matrix, and runs the pooling and
convolution of a body element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.graph.protobuf import from_model
from bnn_engine.graph.subgraphs import captured_names

__all__ = ["CONTROL_FLOW", "Body"]

Array = NDArray[Any]
NodeFunction = Callable[[Sequence[Any]], list[Any]]
Compile = Callable[[Graph], Callable[[Mapping[str, Any]], dict[str, Any]]]
"""From a graph to a function from its inputs by name to its outputs by name."""


class Body:
    """A sub-graph as a function.

    Attributes:
        graph: the sub-graph; what it captures are its last inputs.
    """

    def __init__(
        self, proto: object, node: Node, compile_graph: Compile, opset: int, versions: Any
    ) -> None:
        """Make ``proto``, an attribute of ``node``, callable.

        Args:
            proto: the sub-graph.
            node: what it belongs to.
            compile_graph: makes a graph callable.
            opset: version of the default domain.
            versions: of the other domains.
        """
        assert isinstance(proto, onnx.GraphProto)
        model = onnx.ModelProto()
        model.graph.CopyFrom(proto)
        model.opset_import.add(domain="", version=opset)
        for domain, version in versions.items():
            model.opset_import.add(domain=domain, version=version)
        self._captured = captured_names(proto)
        self._num_inputs = len(proto.input)
        model.graph.input.extend(onnx.ValueInfoProto(name=name) for name in self._captured)
        self.graph = from_model(model)
        self._slots = [list(node.captures).index(name) for name in self._captured]
        self._run = compile_graph(self.graph)
        # A constant of the body may be listed among its inputs: then nobody feeds it.
        self._fed = {value.name for value in self.graph.inputs}
        self._names = [info.name for info in proto.input]

    def __call__(self, arguments: Sequence[Any], captures: Sequence[Any]) -> list[Any]:
        """Outputs for the body's own inputs and all captures of the node."""
        if len(arguments) != self._num_inputs:
            raise ValueError(f"the body has {self._num_inputs} inputs, not {len(arguments)}")
        feeds = dict(zip(self._names, arguments, strict=True))
        feeds.update((n, captures[i]) for n, i in zip(self._captured, self._slots, strict=True))
        found = self._run({name: feeds[name] for name in self._fed})
        return [found[value.name] for value in self.graph.outputs]


def _truth(value: Any) -> bool:
    return bool(np.asarray(value).reshape(-1)[0])


def _if(node: Node, body: Callable[[str], Body]) -> NodeFunction:
    del node
    branches = {True: body("then_branch"), False: body("else_branch")}

    def run(arrays: Sequence[Any]) -> list[Any]:
        return branches[_truth(arrays[0])]([], arrays[1:])

    return run


def _loop(node: Node, body: Callable[[str], Body]) -> NodeFunction:
    """Carried values go from one iteration to the next; what else a body gives is stacked."""
    iteration = body("body")
    num_inputs = len(node.inputs)
    num_carried = max(num_inputs - 2, 0)
    first = iteration.graph.inputs[0] if iteration.graph.inputs else None
    counter_shape = (1,) if first is not None and first.rank == 1 else ()

    def run(arrays: Sequence[Any]) -> list[Any]:
        inputs, captures = list(arrays[:num_inputs]), arrays[num_inputs:]
        inputs += [None] * (2 - len(inputs))
        limit = None if inputs[0] is None else int(np.asarray(inputs[0]).reshape(-1)[0])
        condition = np.asarray(True) if inputs[1] is None else inputs[1]
        carried, count = inputs[2:], 0
        collected: list[list[Any]] = [[] for _ in iteration.graph.outputs[1 + num_carried :]]
        while (limit is None or count < limit) and _truth(condition):
            counter = np.full(counter_shape, count, np.int64)
            condition, *results = iteration([counter, condition, *carried], captures)
            carried = results[:num_carried]
            for items, item in zip(collected, results[num_carried:], strict=True):
                items.append(item)
            count += 1
        scanned = [
            np.stack(items) if items else _empty(iteration, 1 + num_carried + index)
            for index, items in enumerate(collected)
        ]
        return [*carried, *scanned]

    return run


def _empty(body: Body, index: int) -> Array:
    """What a loop without iterations collects: nothing, of the dtype and rank of one item."""
    value = body.graph.outputs[index]
    extents = [extent if isinstance(extent, int) else 0 for extent in value.shape or ()]
    return np.empty((0, *extents), value.dtype or np.float32)


def _scan(node: Node, body: Callable[[str], Body]) -> NodeFunction:
    """As of opset 9: states go from slice to slice, other outputs are stacked along an axis."""
    step = body("body")
    num_scanned = node.attributes["num_scan_inputs"]
    assert isinstance(num_scanned, int)
    num_states = len(node.inputs) - num_scanned
    num_outputs = len(node.outputs) - num_states

    def per(name: str, count: int) -> list[int]:
        given = node.attributes.get(name) or [0] * count
        if not isinstance(given, list) or len(given) != count:
            raise ValueError(f"attribute {name} is {given!r}")
        return [int(number) for number in given]

    in_axes, out_axes = per("scan_input_axes", num_scanned), per("scan_output_axes", num_outputs)
    in_reversed = per("scan_input_directions", num_scanned)
    out_reversed = per("scan_output_directions", num_outputs)

    def run(arrays: Sequence[Any]) -> list[Any]:
        states, captures = list(arrays[:num_states]), arrays[num_states + num_scanned :]
        sequences = [
            np.moveaxis(array, axis, 0)[:: -1 if backwards else 1]
            for array, axis, backwards in zip(
                arrays[num_states : num_states + num_scanned], in_axes, in_reversed, strict=True
            )
        ]
        collected: list[list[Array]] = [[] for _ in range(num_outputs)]
        for slices in zip(*sequences, strict=True):
            results = step([*states, *map(np.asarray, slices)], captures)
            states = results[:num_states]
            for items, item in zip(collected, results[num_states:], strict=True):
                items.append(item)
        scanned = []
        for index, (items, axis, backwards) in enumerate(
            zip(collected, out_axes, out_reversed, strict=True)
        ):
            ordered = items[:: -1 if backwards else 1]
            one = np.stack(ordered) if ordered else _empty(step, num_states + index)
            scanned.append(np.moveaxis(one, 0, axis))
        return [*states, *scanned]

    return run


CONTROL_FLOW: dict[str, Callable[[Node, Callable[[str], Body]], NodeFunction]] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
}
"""Op type to its function, given the node and what makes a sub-graph among its attributes callable.
"""
