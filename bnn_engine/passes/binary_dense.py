"""Dense layers with weights of a few bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.passes.base import Declined
from bnn_engine.passes.binary_layers import BinaryLayer, BinaryLayerRewrite, layer_input
from bnn_engine.passes.facts import describe
from bnn_engine.passes.weight_rows import WeightRows, split_rows

__all__ = ["BinaryDenseLayers"]


class BinaryDenseLayers(BinaryLayerRewrite):
    """Gemm(x, W, b) or MatMul(x, W) → BinaryGemm, LowBitGemm or BinaryWeightGemm, Mul, Add.

    The algebra is that of :class:`BinaryLayerRewrite`. Gemm's factors join it: alpha · α_o scales
    the sum (a negative alpha turns the levels), beta · b_o is added.
    """

    op_types = frozenset({"Gemm", "MatMul"})
    op_name = "Gemm"

    def match(self, graph: Graph, node: Node) -> BinaryLayer | Declined | None:
        """Return a product [N, K] × [K, O] whose weights are a few levels in every column."""
        del graph
        x, w, bias = node.input(0), node.input(1), node.input(2)
        assert x is not None
        assert w is not None
        if w.const is None:
            return Declined(f"weights are not constant: {describe(w)}")
        if node.attributes.get("transA", 0):
            return Declined("the input is transposed")
        if x.dtype != np.float32 or x.rank != 2 or w.const.ndim != 2:
            return Declined(f"input is {x.dtype} of rank {x.rank}, weights of rank {w.const.ndim}")
        if w.const.dtype != np.float32:
            return Declined(f"weights are {w.const.dtype}")
        matrix = w.const.astype(np.float32, copy=False)
        rows = matrix if node.attributes.get("transB", 0) else matrix.T
        if x.shape is not None and isinstance(x.shape[1], int) and x.shape[1] != rows.shape[1]:
            return Declined(f"weights have {rows.shape[1]} features, the input has {x.shape[1]}")
        alpha, beta = (np.float32(_factor(node, key)) for key in ("alpha", "beta"))
        if not (np.isfinite(alpha) and np.isfinite(beta)):
            return Declined("alpha or beta is not finite")
        weights = split_rows(np.ascontiguousarray(rows))
        if isinstance(weights, str):
            return Declined(weights)
        if alpha != 1:
            scaled = _scaled(weights, alpha)
            if scaled is None:
                return Declined("alpha times the weights leaves the normal float32 numbers")
            weights = scaled
        added = _bias(bias, beta, rows.shape[0])
        if isinstance(added, Declined):
            return added
        attributes: dict[str, Attribute] = {"features": rows.shape[1]}
        source = layer_input(x, weights, attributes)
        if isinstance(source, str):
            return Declined(source)
        return BinaryLayer(x, source, weights, attributes, added)


def _scaled(weights: WeightRows, alpha: np.float32) -> WeightRows | None:
    """``weights`` times ``alpha``; None where a factor leaves the normal float32 numbers."""
    turned = weights if alpha > 0 else weights.negated()
    tiny = np.finfo(np.float32).tiny
    factors: list[NDArray[np.float32] | None] = []
    for numbers in (turned.scale, turned.offset):
        if numbers is None:
            factors.append(None)
            continue
        with np.errstate(over="ignore", under="ignore"):
            scaled = numbers * abs(alpha)
        if not (((abs(scaled) >= tiny) & np.isfinite(scaled)) | (numbers == 0)).all():
            return None
        factors.append(scaled)
    scale, offset = factors
    assert scale is not None
    return WeightRows(turned.levels, scale, offset)


def _factor(node: Node, key: str) -> float:
    value = node.attributes.get(key, 1.0)
    assert isinstance(value, float)
    return value


def _bias(
    bias: Value | None, beta: np.float32, num_outputs: int
) -> NDArray[np.float32] | Value | Declined | None:
    """Return what to add to the scaled product."""
    if bias is None or beta == 0:
        return None
    if bias.const is None:
        return bias if beta == 1 else Declined(f"bias is not constant: {describe(bias)}")
    constant = bias.const.astype(np.float32, copy=False)
    if constant.ndim > 2 or constant.shape[-1:] not in ((), (1,), (num_outputs,)):
        return Declined(f"bias has shape {list(constant.shape)}")
    if constant.ndim == 2 and constant.shape[0] != 1:
        return Declined("bias differs between the rows of a batch")
    with np.errstate(over="ignore", under="ignore"):
        return np.array(np.broadcast_to(constant.reshape(-1) * beta, num_outputs))
