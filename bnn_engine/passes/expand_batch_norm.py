"""BatchNormalization of what is neither rows nor images, as a product and a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.arithmetic import batch_norm_coefficients
from bnn_engine.graph.graph import Graph, Node
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.facts import per_channel_shape

__all__ = ["ExpandBatchNorms"]

_FUSED_RANKS = (2, 4)  # of float32: epilogues of layers do these per channel

Coefficients = tuple[NDArray[Any], NDArray[Any]]


class ExpandBatchNorms(Rewrite[Coefficients]):
    """BatchNormalization(x) → Add(Mul(x, s), B) for x of rank 3 or 5, and for float64.

    s = gamma · (1 / sqrt(var + eps)) and B = beta - mean · s, rounded as ONNX Runtime rounds them;
    it then computes just this product and this sum.
    """

    op_types = frozenset({"BatchNormalization"})

    def match(self, graph: Graph, node: Node) -> Coefficients | Declined | None:
        """Return s and B."""
        del graph
        x, dtype = node.inputs[0], node.output.dtype
        assert x is not None
        if x.rank is None or x.rank < 2 or dtype not in (np.float32, np.float64):
            return None
        if dtype == np.float32 and x.rank in _FUSED_RANKS:
            return None
        constants = [None if value is None else value.const for value in node.inputs[1:]]
        arrays = [array for array in constants if array is not None and array.dtype == dtype]
        if len(arrays) != 4 or node.attributes.get("training_mode", 0) or len(node.outputs) > 1:
            return Declined("its parameters are not constants of its own type, or it trains")
        if x.shape is None or any(array.shape != (x.shape[1],) for array in arrays):
            return Declined("its parameters are not one number a channel")
        epsilon = node.attributes.get("epsilon", 1e-5)
        assert isinstance(epsilon, float)
        return batch_norm_coefficients(arrays, epsilon)

    def rewrite(self, graph: Graph, node: Node, match: Coefficients) -> None:
        """Put the product and the sum in the place of ``node``."""
        x, output = node.inputs[0], node.output
        assert x is not None
        shape = per_channel_shape(x.rank)
        scale, shift = (
            graph.constant(f"{output.name}_{name}", array.reshape(shape))
            for name, array in zip(("scale", "shift"), match, strict=True)
        )
        scaled = graph.value(f"{output.name}_scaled", output.dtype, output.shape)
        product = Node("Mul", [x, scale], [scaled], name=node.name, origins=node.origins)
        graph.replace_node(
            node, [product, Node("Add", [scaled, shift], [output], origins=node.origins)]
        )
