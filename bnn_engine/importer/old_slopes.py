"""PRelu of opsets before 7, whose slopes lie along the channels without saying so."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node

__all__ = ["lay_slopes_along_channels"]


def lay_slopes_along_channels(graph: Graph) -> None:
    """Give slopes [C] the shape [C, 1, ...] that broadcasts against [N, C, ...].

    Opset 7 replaced this rule by broadcasting; the version converter leaves the slopes alone.
    """
    for node in list(graph.nodes):
        if node.domain or node.op_type != "PRelu":
            continue
        x, slope = node.inputs
        assert x is not None
        assert slope is not None
        if x.rank is None or x.rank <= 2 or slope.rank != 1 or slope.shape == (1,):
            continue
        shape = np.array([-1, *[1] * (x.rank - 2)], np.int64)
        if slope.const is not None:
            aligned = graph.constant(f"{slope.name}_aligned", slope.const.reshape(shape))
        else:
            extents = (slope.shape or (None,))[:1] + (1,) * (x.rank - 2)
            aligned = graph.value(f"{slope.name}_aligned", slope.dtype, extents)
            target = graph.constant(f"{aligned.name}_shape", shape)
            reshape = Node("Reshape", [slope, target], [aligned], name=aligned.name)
            graph.insert(graph.nodes.index(node), reshape)
        graph.set_input(node, 1, aligned)
