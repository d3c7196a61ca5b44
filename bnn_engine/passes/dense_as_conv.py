"""Dense layers along the last of more than two axes, as in transformers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.passes.base import Declined, Rewrite
from bnn_engine.passes.facts import describe
from bnn_engine.passes.quantized_input import quantized_inputs
from bnn_engine.passes.weight_rows import split_rows

__all__ = ["DenseLayersAsConvolutions"]


@dataclass(frozen=True)
class _Product:
    """A MatMul of ``x`` [N, spatial..., K] and ``weights`` [K, O]."""

    x: Value
    weights: NDArray[np.float32]


class DenseLayersAsConvolutions(Rewrite[_Product]):
    """MatMul(x, W) → Transpose, Conv, Transpose, for x [N, spatial..., K] and weights of few bits.

    y[n, p, o] = Σ_k x[n, p, k] · w[k, o] is the convolution of one tap of the image that has K
    channels at the pixels p. Unlike rows flattened to [N · P, K], images keep the batch axis apart,
    and channels are what the engine stores last: the Transposes move nothing.

    Only where the layer becomes one of few bits on both sides; a product of floats stays a MatMul.
    """

    op_types = frozenset({"MatMul"})

    def match(self, graph: Graph, node: Node) -> _Product | Declined | None:
        """Return a product of a quantized tensor of 3 to 5 axes and constant quantized weights."""
        del graph
        x, w = node.inputs
        assert x is not None
        assert w is not None
        if x.rank is None or x.rank == 2:
            return None
        if w.const is None or w.const.ndim != 2 or w.const.dtype != np.float32:
            return Declined(f"weights are no constant float32 matrix: {describe(w)}")
        if not 3 <= x.rank <= 5 or x.dtype != np.float32:
            return Declined(f"input is {x.dtype} of rank {x.rank}")
        if not quantized_inputs(x):
            return Declined(f"input is not quantized: {describe(x)}")
        weights = w.const.astype(np.float32, copy=False)
        columns = split_rows(np.ascontiguousarray(weights.T))
        return Declined(columns) if isinstance(columns, str) else _Product(x, weights)

    def declined(self, graph: Graph, node: Node, reason: str) -> None:
        """A layer that stays in float says why."""
        graph.reasons[node.output.name] = reason

    def rewrite(self, graph: Graph, node: Node, match: _Product) -> None:
        """Put the convolution in the place of the product."""
        x, output, rank = match.x, node.output, len(match.x.shape or ())
        first, last = [0, rank - 1, *range(1, rank - 1)], [0, *range(2, rank), 1]
        features, outputs = match.weights.shape
        assert x.shape is not None
        positions = x.shape[1:-1]
        images = graph.value(f"{output.name}_images", x.dtype, (x.shape[0], features, *positions))
        sums = graph.value(f"{output.name}_sums", x.dtype, (x.shape[0], outputs, *positions))
        filters = np.ascontiguousarray(match.weights.T).reshape(
            outputs, features, *[1] * (rank - 2)
        )
        weights = graph.constant(f"{output.name}_filters", filters)
        graph.replace_node(
            node,
            [
                Node("Transpose", [x], [images], {"perm": first}, origins=node.origins),
                Node("Conv", [images, weights], [sums], name=node.name, origins=node.origins),
                Node("Transpose", [sums], [output], {"perm": last}, origins=node.origins),
            ],
        )
