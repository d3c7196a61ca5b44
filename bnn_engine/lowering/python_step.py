"""Standard ops without a native kernel, as Python steps through ``onnx.reference``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from bnn_engine.graph import Node
from bnn_engine.graph.reference import node_function

__all__ = ["NodeFunction", "python_function"]

NodeFunction = Callable[[Sequence[NDArray[Any] | None]], Sequence[NDArray[Any]]]
"""From a node's inputs (None where omitted) and captured values to its outputs."""


def python_function(
    node: Node, opset: int, domain_versions: Mapping[str, int]
) -> NodeFunction | str:
    """A function from the node's inputs and captures to its outputs, or why there is none."""
    try:
        return node_function(node, opset, domain_versions)
    except Exception as error:  # onnx.reference reports a missing op by whatever its loader raises
        return f"onnx.reference cannot run it ({type(error).__name__}: {error})"
