"""Runs passes on a small graph and checks that its answers stay the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph import Graph
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import Pass, run_passes
from tests.support.onnx_models import graph_from_text, run_onnxruntime

__all__ = ["around", "rewritten"]

Floats = NDArray[np.float32]

SPECIAL = np.array(
    [0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, -3.4e38, 0.49999997], np.float32
)


def around(shape: Sequence[int], unit: float = 1.0, reach: float = 10.0, seed: int = 0) -> Floats:
    """Multiples of half of ``unit`` and their float32 neighbours, and special numbers."""
    random = np.random.default_rng(seed)
    count = int(np.prod(shape))
    ties = (np.round(random.uniform(-reach, reach, count) * 2) / 2 * unit).astype(np.float32)
    moved = np.nextafter(ties, np.where(random.random(count) < 0.5, np.inf, -np.inf))
    x = np.where(random.random(count) < 0.5, ties, moved).astype(np.float32)
    where = random.choice(count, size=min(count // 3, SPECIAL.size), replace=False)
    x[where] = SPECIAL[: where.size]
    return x.reshape(shape)


def rewritten(
    text: str,
    constants: Mapping[str, NDArray[Any]],
    passes: Sequence[Pass],
    x: Floats,
    opset: int = 21,
) -> Graph:
    """Run ``passes`` on a graph with input x; answers before, after and in ONNX Runtime agree.

    Args:
        text: graph in the syntax of ``onnx.parser``.
        constants: initializers by name.
        passes: what to run.
        x: array for the graph input "x".
        opset: version of the default domain.

    Returns:
        The graph after the passes.
    """
    graph = graph_from_text(text, constants, opset)
    (expected,) = evaluate(graph, {"x": x}).values()
    run_passes(graph, passes)
    (after,) = evaluate(graph, {"x": x}).values()
    np.testing.assert_array_equal(after, expected)
    (saved,) = run_onnxruntime(to_model(graph), {"x": x})
    np.testing.assert_array_equal(saved, expected)
    return graph
