"""The one graph that every stage works on: typed values, nodes, and edits that keep it consistent.

The op vocabulary is ONNX (default domain at one opset) plus the domain ``bnn_engine``. A graph is
in single-assignment form: each value has at most one producer, and ``Graph.nodes`` is in
topological order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

__all__ = ["Attribute", "Dim", "Graph", "Node", "Value"]

Dim = int | str | None
"""One extent of a shape: a number, a symbol shared by equal extents, or None where unknown."""

Attribute = (
    int | float | str | bytes | NDArray[np.generic] | list[int] | list[float] | list[str] | object
)
"""A node attribute as Python data: tensors are arrays; sub-graphs stay ``onnx.GraphProto``."""


class Value:
    """One tensor of the graph.

    Attributes:
        name: unique within the graph.
        dtype: NumPy dtype, or None where it is unknown.
        shape: extents, or None where even the rank is unknown.
        const: the array itself for initializers and folded constants, else None.
        container: the ONNX type of a sequence, an optional or a map, whose dtype and shape are
            None; None for tensors.
        producer: the node that computes it; None for graph inputs and constants.
        consumers: nodes that read it, one entry per reading input slot.
    """

    __slots__ = ("const", "consumers", "container", "dtype", "name", "producer", "shape")

    def __init__(
        self,
        name: str,
        dtype: np.dtype[np.generic] | None = None,
        shape: tuple[Dim, ...] | None = None,
        const: NDArray[np.generic] | None = None,
    ) -> None:
        self.name = name
        self.dtype = const.dtype if const is not None else dtype
        self.shape: tuple[Dim, ...] | None = const.shape if const is not None else shape
        self.const = const
        self.container: onnx.TypeProto | None = None
        self.producer: Node | None = None
        self.consumers: list[Node] = []

    @property
    def rank(self) -> int | None:
        """Number of axes, or None where the shape is unknown."""
        return None if self.shape is None else len(self.shape)

    def __repr__(self) -> str:
        return f"Value({self.name!r}, {self.dtype}, {self.shape})"


@dataclass(eq=False)
class Node:
    """One operation: ``outputs = op_type(inputs; attributes)``. An omitted optional input is None.

    ``origins`` names the nodes of the original graph that this one stands for, as ``"OpType
    name"``, in the order of the data flow. ``captures`` holds the values that sub-graphs among the
    attributes read from outside, by the name that they use for them.
    """

    op_type: str
    inputs: list[Value | None]
    outputs: list[Value]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    name: str = ""
    domain: str = ""
    origins: tuple[str, ...] = ()
    captures: dict[str, Value] = field(default_factory=dict)

    def reads(self) -> Iterator[Value]:
        """Every value the node reads, once a reading slot."""
        yield from (value for value in self.inputs if value is not None)
        yield from self.captures.values()

    def input(self, index: int) -> Value | None:
        """Return the ``index``-th input, None where it is omitted or absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def __repr__(self) -> str:
        return f"Node({self.domain + '::' if self.domain else ''}{self.op_type}, {self.name!r})"


class Graph:
    """A network: inputs, outputs, constants and nodes in topological order.

    Attributes:
        name: the ONNX graph's name.
        opset: version of the default ONNX domain all standard nodes follow.
        domain_versions: versions of further domains that nodes may belong to.
        inputs, outputs: graph inputs and outputs in order; their names never change.
        nodes: all nodes, each after the producers of its inputs.
        rows_independent: None when axis 0 of every input and output is a batch axis over which all
            nodes work row by row; otherwise the reason why that could not be proven.
        analysed: whether it was read from a file that all passes have been over.
        reasons: for dense and convolution layers that stay in float, by output value name: why.
        warnings: what seems to be wrong with the model although it can be run.
        edits: how often nodes have been added, taken away or linked anew.
    """

    def __init__(self, name: str = "graph", opset: int = 21) -> None:
        self.name = name
        self.opset = opset
        self.domain_versions: dict[str, int] = {}
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.nodes: list[Node] = []
        self.rows_independent: str | None = "not analysed"
        self.analysed = False
        self.reasons: dict[str, str] = {}
        self.warnings: list[str] = []
        self.edits = 0
        self._names: set[str] = set()

    # -- building ---------------------------------------------------------------------------------

    def unique_name(self, hint: str) -> str:
        """Return a name that no value has yet: ``hint`` itself or ``hint_1``, ``hint_2`` ..."""
        name, count = hint, 0
        while name in self._names:
            count += 1
            name = f"{hint}_{count}"
        return name

    def value(
        self,
        name: str,
        dtype: np.dtype[np.generic] | None = None,
        shape: tuple[Dim, ...] | None = None,
        const: NDArray[np.generic] | None = None,
    ) -> Value:
        """Register a new value; its name is made unique."""
        made = Value(self.unique_name(name), dtype, shape, const)
        self._names.add(made.name)
        return made

    def constant(self, name: str, array: NDArray[np.generic]) -> Value:
        """Register a constant."""
        return self.value(name, const=array)

    def append(self, node: Node) -> Node:
        """Add ``node`` at the end."""
        return self.insert(len(self.nodes), node)

    def insert(self, index: int, node: Node) -> Node:
        """Add ``node`` before position ``index`` and link its values."""
        self.edits += 1
        self.nodes.insert(index, node)
        for value in node.reads():
            value.consumers.append(node)
        for value in node.outputs:
            value.producer = node
        return node

    # -- editing ----------------------------------------------------------------------------------

    def set_input(self, node: Node, index: int, value: Value | None) -> None:
        """Make ``value`` the ``index``-th input of ``node``."""
        self.edits += 1
        while len(node.inputs) <= index:
            node.inputs.append(None)
        old = node.inputs[index]
        if old is not None:
            old.consumers.remove(node)
        node.inputs[index] = value
        if value is not None:
            value.consumers.append(node)

    def replace_value(self, old: Value, new: Value) -> None:
        """Let every reader of ``old``, graph outputs included, read ``new``.

        A graph output keeps its public name: when ``old`` is one, ``new`` takes over its name (an
        Identity is put between when ``new`` is a graph input, a constant or itself an output).
        """
        self.edits += 1
        for consumer in list(old.consumers):
            for index, value in enumerate(consumer.inputs):
                if value is old:
                    self.set_input(consumer, index, new)
            for name, value in consumer.captures.items():
                if value is old:
                    old.consumers.remove(consumer)
                    consumer.captures[name] = new
                    new.consumers.append(consumer)
        if not any(output is old for output in self.outputs):
            return
        if new.producer is None or any(output is new for output in self.outputs):
            target = Value(old.name, new.dtype, new.shape)
            old.name = self.unique_name(old.name + "_replaced")
            self._names.add(old.name)
            self.append(Node("Identity", [new], [target], name=f"{target.name}_copy"))
        else:
            old.name, new.name = new.name, old.name
            target = new
        self.outputs = [target if output is old else output for output in self.outputs]

    def remove(self, node: Node) -> None:
        """Delete ``node``, whose outputs must have no readers left."""
        for value in node.outputs:
            if value.consumers or any(output is value for output in self.outputs):
                raise AssertionError(f"{node!r} still has readers of {value.name!r}")
        self._detach(node)
        for value in node.outputs:
            value.producer = None
            self._names.discard(value.name)

    def replace_node(self, node: Node, replacement: Sequence[Node]) -> None:
        """Put ``replacement`` in the place of ``node``.

        The new nodes are given with the values of ``node.outputs`` among their outputs, so that
        readers, names, shape and dtype stay what they are.
        """
        made = {id(value) for new in replacement for value in new.outputs}
        if any(id(value) not in made for value in node.outputs):
            raise AssertionError(f"{list(replacement)} do not compute the outputs of {node!r}")
        index = self.nodes.index(node)
        self._detach(node)
        for offset, new in enumerate(replacement):
            self.insert(index + offset, new)

    def fold(self, node: Node, arrays: Sequence[NDArray[np.generic]]) -> None:
        """Turn the outputs of ``node`` into the constants ``arrays`` and delete it."""
        self._detach(node)
        for value, array in zip(node.outputs, arrays, strict=True):
            value.const, value.dtype, value.shape = array, array.dtype, array.shape
            value.producer = None

    def _detach(self, node: Node) -> None:
        """Take ``node`` out of the node list and out of the consumer lists of what it reads."""
        self.edits += 1
        for value in node.reads():
            value.consumers.remove(node)
        self.nodes.remove(node)

    def remove_dead_nodes(self) -> int:
        """Delete every node none of whose outputs is read; returns how many."""
        removed = 0
        outputs = {id(value) for value in self.outputs}
        for node in reversed(list(self.nodes)):
            if all(not value.consumers and id(value) not in outputs for value in node.outputs):
                self.remove(node)
                removed += 1
        return removed

    def copy(self) -> Graph:
        """Return a copy of values and nodes; arrays and attribute values are shared."""
        made = Graph(self.name, self.opset)
        made.domain_versions = dict(self.domain_versions)
        made.rows_independent, made.analysed = self.rows_independent, self.analysed
        made.reasons, made.warnings = dict(self.reasons), list(self.warnings)
        made._names = set(self._names)
        values: dict[int, Value] = {}

        def copied(value: Value) -> Value:
            if id(value) not in values:
                twin = Value(value.name, value.dtype, value.shape, value.const)
                twin.container = value.container
                values[id(value)] = twin
            return values[id(value)]

        made.inputs = [copied(value) for value in self.inputs]
        for node in self.nodes:
            made.append(
                Node(
                    node.op_type,
                    [None if value is None else copied(value) for value in node.inputs],
                    [copied(value) for value in node.outputs],
                    dict(node.attributes),
                    node.name,
                    node.domain,
                    node.origins,
                    {name: copied(value) for name, value in node.captures.items()},
                )
            )
        made.outputs = [copied(value) for value in self.outputs]
        return made

    # -- looking ----------------------------------------------------------------------------------

    def is_output(self, value: Value) -> bool:
        """Return whether ``value`` is a graph output."""
        return any(output is value for output in self.outputs)

    def single_consumer(self, value: Value) -> Node | None:
        """Return the only reader of ``value``, or None when it has several or is a graph output."""
        if len(value.consumers) != 1 or self.is_output(value):
            return None
        return value.consumers[0]

    def constants(self) -> list[Value]:
        """Every constant that some node or output reads, in order of first use."""
        read = (value for node in self.nodes for value in node.reads())
        found = {id(v): v for v in chain(read, self.outputs) if v.const is not None}
        return list(found.values())

    def values(self) -> Mapping[str, Value]:
        """Every value by name."""
        found: dict[str, Value] = {value.name: value for value in (*self.inputs, *self.constants())}
        for node in self.nodes:
            found.update((value.name, value) for value in node.outputs)
        return found

    def check(self) -> None:
        """Verify single assignment, topological order, consumer lists and unique names.

        Raises:
            AssertionError: a pass broke the graph (a bug of bnn_engine, never of the model).
        """
        sources = [*self.inputs, *self.constants()]
        defined = {id(value) for value in sources}
        names = [value.name for value in sources]
        for node in self.nodes:
            for value in node.reads():
                if id(value) not in defined:
                    raise AssertionError(f"{node!r} reads {value.name!r} before it is defined")
                if node not in value.consumers:
                    raise AssertionError(f"{value.name!r} does not list its reader {node!r}")
            for value in node.outputs:
                if value.producer is not node:
                    raise AssertionError(f"{value.name!r} does not name its producer {node!r}")
                defined.add(id(value))
                names.append(value.name)
        if len(names) != len(set(names)):
            raise AssertionError("value names are not unique")
        for value in self.outputs:
            if id(value) not in defined:
                raise AssertionError(f"output {value.name!r} is never computed")
