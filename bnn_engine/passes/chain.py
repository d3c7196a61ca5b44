"""Builds several nodes that take the place of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Dim, Graph, Node, Value
from bnn_engine.ops.broadcasting import broadcast_shapes

__all__ = ["Chain", "does_nothing"]


def does_nothing(operand: Value, neutral: float, shape: tuple[Dim, ...] | None) -> bool:
    """Return whether ``operand`` is ``neutral`` everywhere and enlarges no tensor of ``shape``."""
    constant = operand.const
    if constant is None or not (constant == neutral).all():
        return False
    if shape is None:
        return constant.ndim == 0
    return broadcast_shapes([shape, constant.shape]) == tuple(shape)


class Chain:
    """Steps on a float32 tensor, each reading what the one before computes.

    Attributes:
        value: what is computed so far.
    """

    def __init__(self, graph: Graph, node: Node, start: Value) -> None:
        """Begin with ``start``; the steps will compute the output of ``node`` in its place."""
        self.value = start
        self._graph, self._node = graph, node
        self._nodes: list[Node] = []

    def step(
        self,
        op_type: str,
        *operands: Value | NDArray[Any],
        shape: tuple[Dim, ...] | None = None,
        dtype: type[np.generic] = np.float32,
        **attributes: Attribute,
    ) -> Chain:
        """Add a standard op on the value and on ``operands``; element-wise unless ``shape``."""
        name = f"{self._node.output.name}_{op_type.lower()}"
        values = [
            operand
            if isinstance(operand, Value)
            else self._graph.constant(f"{name}_operand", operand)
            for operand in operands
        ]
        if shape is None:
            shape = broadcast_shapes([self.value.shape, *(value.shape for value in values)])
        output = self._graph.value(name, np.dtype(dtype), shape)
        self._append(Node(op_type, [self.value, *values], [output], dict(attributes)))
        return self

    def insert(self, make: Callable[[Value, list[Value]], Node]) -> Chain:
        """Add the node that ``make`` returns for its first input and its outputs."""
        output = self._graph.value(
            f"{self._node.output.name}_code", np.dtype(np.float32), self.value.shape
        )
        self._append(make(self.value, [output]))
        return self

    def _append(self, made: Node) -> None:
        self._nodes.append(made)
        self.value = made.output

    def replace(self, origins: tuple[str, ...] | None = None) -> None:
        """Put the steps, an Identity if there are none, in the place of the node.

        Args:
            origins: what they stand for, the node's own origins by default.
        """
        if not self._nodes:
            self.step("Identity")
        for made in self._nodes:
            made.origins = self._node.origins if origins is None else origins
        self._nodes[-1].outputs = self._node.outputs
        self._graph.replace_node(self._node, self._nodes)
