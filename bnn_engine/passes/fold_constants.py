"""Evaluates what does not depend on any input."""

from __future__ import annotations

import logging
import math
from collections import deque

import onnx

from bnn_engine.graph.graph import Graph, Node
from bnn_engine.graph.inference import infer_shapes
from bnn_engine.graph.reference import node_function
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Pass
from bnn_engine.passes.straight_through import straight_through
from bnn_engine.passes.weight_estimators import without_noise

__all__ = ["NOT_DETERMINISTIC", "FoldConstants"]

_LOG = logging.getLogger(__name__)

# A file of a few bytes can ask for terabytes (Expand, Tile, ConstantOfShape ...): what is larger
# than any weight tensor stays in the graph.
_MAX_BYTES = 2**30

NOT_DETERMINISTIC = frozenset(
    {
        "Bernoulli",
        "Dropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)
"""Standard ops that may give another result each time."""


class FoldConstants(Pass):
    """f(constants) is a constant, for every deterministic standard op f and every op of our domain.

    Weights of any size are folded: exporters leave the binarization of latent weights in the graph.
    A result is only computed when its size is known beforehand and at most 1 GiB, 2 GiB in all.
    Nodes with sub-graphs stay: a Loop may never end. Of the arithmetic that training leaves around
    quantized weights, the rounding noise is left out (:func:`weight_estimators.without_noise`).
    """

    def run(self, graph: Graph) -> None:
        """Fold in data flow order, so that whole chains fold in one sweep."""
        budget = 2 * _MAX_BYTES
        # A folded node is forgotten at once, and with it the operands that nobody else reads: the
        # next result takes their memory.
        waiting = deque(graph.nodes)
        estimators = {id(node): straight_through(node) for node in waiting}
        while waiting:
            node = waiting.popleft()
            estimator = estimators.pop(id(node))
            if not _is_constant(node):
                continue
            if any(value.shape is None or None in value.shape for value in node.outputs):
                _infer_alone(node, graph.opset)  # constants folded just now may decide shapes
            size = _result_bytes(node)
            if size is None or size > min(budget, _MAX_BYTES):
                _LOG.debug("%r is not folded: its result has %s bytes", node, size or "unknown")
                continue
            reads = [None if value is None else value.const for value in node.inputs]
            try:
                arrays = node_function(node, graph.opset, graph.domain_versions)(reads)
            except Exception as error:  # the reference lacks ops and raises what it likes
                _LOG.debug("%r is not folded: %s", node, error)
                continue
            if len(arrays) == len(node.outputs) and all(
                array.dtype == value.dtype
                for array, value in zip(arrays, node.outputs, strict=True)
            ):
                if estimator is not None and estimator.a.const is not None:
                    arrays = [without_noise(arrays[0], estimator.a.const)]
                graph.fold(node, arrays)
                budget -= size


def _infer_alone(node: Node, opset: int) -> None:
    alone = Graph(opset=opset)
    alone.nodes, alone.outputs = [node], node.outputs
    infer_shapes(alone)


def _is_constant(node: Node) -> bool:
    return (
        node.domain in ("", DOMAIN)
        and node.op_type not in NOT_DETERMINISTIC
        and not any(isinstance(value, onnx.GraphProto) for value in node.attributes.values())
        and all(value is None or value.const is not None for value in node.inputs)
    )


def _result_bytes(node: Node) -> int | None:
    """Size of all outputs, None where it cannot be told beforehand."""
    total = 0
    for value in node.outputs:
        if value.shape is None or value.dtype is None:
            return None
        extents = [extent for extent in value.shape if isinstance(extent, int)]
        if len(extents) != len(value.shape):
            return None
        total += math.prod(extents) * value.dtype.itemsize
    return total
