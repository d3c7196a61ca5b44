"""Makes Binarize nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.facts import per_channel_shape

__all__ = ["binarize_node"]


def binarize_node(
    graph: Graph,
    x: Value,
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
    inside: float,
    outputs: list[Value],
    name: str,
    *,
    nan_passes: bool = False,
) -> Node:
    """Make a Binarize of ``x`` that computes ``outputs``; bounds are [C] or [1]."""
    shape: tuple[int, ...] = () if lower.size == 1 else per_channel_shape(x.rank)
    bounds = [
        graph.constant(f"{outputs[0].name}_{kind}", bound.reshape(shape).copy())
        for kind, bound in (("lower", lower), ("upper", upper))
    ]
    attributes: dict[str, Attribute] = {"inside": inside, "nan_passes": int(nan_passes)}
    return Node("Binarize", [x, *bounds], outputs, attributes, name=name, domain=DOMAIN)
