"""Zeros around an image become padding of the layer, where it sees the same windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.merge_pads import MergePads
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

RANDOM = np.random.default_rng(0)
CONSTANTS: dict[str, NDArray[Any]] = {
    "w": RANDOM.integers(-3, 4, (4, 3, 3, 3)).astype(np.float32),
    "frame": np.array([0, 0, 1, 2, 0, 0, 0, 1]),
    "hw_frame": np.array([1, 2, 0, 1]),
    "hw": np.array([-2, 3]),
    "channels": np.array([0, 1, 0, 0, 0, 0, 0, 0]),
    "crop": np.array([0, 0, -1, 0, 0, 0, 0, 0]),
    "first": np.array([1]),
    "last": np.array([4]),
    "zero": np.array(0, np.float32),
    "one": np.array(1, np.float32),
}
CONV = "y = Conv<pads=[1, 0, 2, 1], strides=[2, 1]>(p, w)"


def after(body: str) -> list[str]:
    """Op types after the pass; answers stay the same."""
    text = f"g (float[N, 3, 8, 9] x) => (float[] y) {{ {body} }}"
    graph = graph_from_text(text, CONSTANTS)
    run_passes(graph, [MergePads()])
    x = {"x": RANDOM.integers(-8, 9, (2, 3, 8, 9)).astype(np.float32)}
    (wanted,) = run_onnxruntime(model_from_text(text, CONSTANTS), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    return op_types(graph)


@pytest.mark.parametrize(
    "body",
    [
        f"p = Pad(x, frame) {CONV}",
        f"p = Pad(x, frame, zero) {CONV}",
        f"p = Pad(x, hw_frame, zero, hw) {CONV}",
        "p = Pad(x, frame) y = Conv(p, w)",
        "p = Pad(x, frame) y = AveragePool<kernel_shape=[3, 3]>(p)",
        "p = Pad(x, frame)"
        " y = AveragePool<kernel_shape=[3, 4], pads=[1, 1, 0, 1], count_include_pad=1>(p)",
    ],
)
def test_merged(body: str) -> None:
    assert "Pad" not in after(body)


@pytest.mark.parametrize(
    "body",
    [
        f"p = Pad(x, frame, one) {CONV}",
        f'p = Pad<mode="edge">(x, frame) {CONV}',
        f"p = Pad(x, crop) {CONV}",
        'p = Pad(x, frame) y = Conv<auto_pad="SAME_UPPER">(p, w)',
        "p = Pad(x, channels) s = Slice(p, first, last, first) y = Conv(s, w)",
        "p = Pad(x, frame) y = AveragePool<kernel_shape=[3, 3], pads=[1, 0, 0, 0]>(p)",
        "p = Pad(x, frame) y = AveragePool<kernel_shape=[3, 3], ceil_mode=1>(p)",
        "p = Pad(x, frame) y = AveragePool<kernel_shape=[2, 2]>(p)",
        "p = Pad(x, frame) y = MaxPool<kernel_shape=[2, 2]>(p)",
    ],
)
def test_left(body: str) -> None:
    assert "Pad" in after(body)


def test_what_others_read_stays_for_them() -> None:
    ops = after("p = Pad(x, frame) a = Conv(p, w) b = ReduceSum(p) y = Add(a, b)")
    assert ops.count("Pad") == 1
