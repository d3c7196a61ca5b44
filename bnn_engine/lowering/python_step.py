"""Standard ops without a native kernel, as Python steps through ``onnx.reference``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from numpy.typing import NDArray

from bnn_engine.graph import Node
from bnn_engine.graph.reference import node_function

__all__ = ["NodeFunction", "multiply_accumulates", "python_function"]

NodeFunction = Callable[[Sequence[NDArray[Any] | None]], Sequence[NDArray[Any]]]
"""From a node's inputs (None where omitted) and captured values to its outputs."""

_PACKAGES = {("", "ImageDecoder"): ("PIL", "pillow")}
"""What ``onnx.reference`` imports when it runs an op: module and package."""


def python_function(
    node: Node, opset: int, domain_versions: Mapping[str, int]
) -> NodeFunction | str:
    """A function from the node's inputs and captures to its outputs, or why there is none."""
    package = _PACKAGES.get((node.domain, node.op_type))
    if package is not None and find_spec(package[0]) is None:
        return f"onnx.reference needs the package {package[1]!r} for it: pip install {package[1]}"
    try:
        return node_function(node, opset, domain_versions)
    except Exception as error:  # onnx.reference reports a missing op by whatever its loader raises
        return f"onnx.reference cannot run it ({type(error).__name__}: {error})"


def multiply_accumulates(node: Node) -> int:
    """Of one sample of a dense or convolution layer; 0 for other ops and for unknown shapes."""
    weights = node.input(1)
    extents = (node.output.shape or (None,))[1:]
    sample = [extent for extent in extents if isinstance(extent, int)]
    if weights is None or weights.const is None or len(sample) != len(extents):
        return 0
    if node.op_type == "Conv":
        return math.prod(sample) * math.prod(weights.const.shape[1:])
    if node.op_type in ("Gemm", "MatMul") and weights.const.ndim > 1:
        features: int = weights.const.shape[1 if node.attributes.get("transB", 0) else -2]
        return math.prod(sample) * features
    return 0
