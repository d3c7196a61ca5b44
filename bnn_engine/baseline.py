"""The same network without XNOR: what the binary kernels are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnn_engine.engine import Engine
from bnn_engine.graph import Graph, Node
from bnn_engine.ops import DOMAIN, unpack_signs

if TYPE_CHECKING:
    from bnn_engine.engine import Source

__all__ = ["load_float"]

_DENSE = ("BinaryGemm", "BinaryWeightGemm")
_CONV = ("BinaryConv", "BinaryWeightConv")


def load_float(source: Source, num_threads: int = 1) -> Engine:
    """Load a model so that every dense and convolution layer runs in the engine's float kernels.

    Only the arithmetic of these layers is replaced: ±1 weights become floats, and ±1 activations
    are unpacked before a layer reads them. Everything else stays as :func:`bnn_engine.load` makes
    it, fused thresholds in place of normalisation included, so the difference in time is that
    between XNOR + popcount and float multiply-add. Sums of ±1 are exact in both.

    Args:
        source: what :func:`bnn_engine.load` takes.
        num_threads: threads a call may use.

    Raises:
        BnnError: as for :func:`bnn_engine.load`.
    """
    from bnn_engine.importer import import_model
    from bnn_engine.passes import run_passes

    graph = import_model(source)
    run_passes(graph)
    for node in list(graph.nodes):
        if node.domain == DOMAIN and node.op_type in (*_DENSE, *_CONV):
            graph.replace_node(node, [_float_layer(node, graph)])
    return Engine(graph, source, num_threads, "reference")


def _float_layer(node: Node, graph: Graph) -> Node:
    """Return the standard op with float weights that computes what ``node`` does."""
    packed = node.input(1)
    assert packed is not None
    assert packed.const is not None
    bits = packed.const.astype(np.uint8, copy=False)
    attributes = dict(node.attributes)
    if node.op_type in _DENSE:
        op_type, row_shape = "Gemm", [attributes.pop("features")]
        attributes["transB"] = 1
    else:
        kernel = attributes["kernel_shape"]
        assert isinstance(kernel, list)
        op_type, row_shape = "Conv", [attributes.pop("channels"), *kernel]
    weights = unpack_signs(bits, [size for size in row_shape if isinstance(size, int)])
    return Node(
        op_type,
        [node.inputs[0], graph.constant(f"{packed.name}_float", weights)],
        node.outputs,
        attributes,
        name=node.name,
        origins=node.origins,
    )
