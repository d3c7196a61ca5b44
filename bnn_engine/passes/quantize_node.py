"""Makes Quantize nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.facts import per_channel_shape

__all__ = ["quantize_node"]


def quantize_node(
    graph: Graph,
    x: Value,
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
    values: Sequence[float],
    outputs: list[Value],
    name: str,
    *,
    nan_passes: bool = False,
) -> Node:
    """Make a Quantize of ``x`` that computes ``outputs``.

    Args:
        graph: where its constants go.
        x: what is quantized.
        lower: least number of every level above the lowest one, [L, C] or [L, 1]; of a level that
            contains the next one in every channel, with (+inf, -inf) as the empty interval.
        upper: greatest number of it, likewise.
        values: L + 1 numbers, one a level.
        outputs: the one output.
        name: of the node.
        nan_passes: NaN gives NaN, not ``values[0]``.
    """
    levels, channels = lower.shape
    shape = (levels,) if channels == 1 else (levels, channels, *per_channel_shape(x.rank)[1:])
    bounds = [
        graph.constant(f"{outputs[0].name}_{kind}", bound.astype(np.float32).reshape(shape))
        for kind, bound in (("lower", lower), ("upper", upper))
    ]
    attributes: dict[str, Attribute] = {
        "values": [float(np.float32(value)) for value in values],
        "nan_passes": int(nan_passes),
    }
    return Node("Quantize", [x, *bounds], outputs, attributes, name=name, domain=DOMAIN)
