"""Automatic padding becomes numbers where the extents are known."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.explicit_padding import ExplicitPadding
from tests.support.onnx_models import graph_from_text, model_from_text, run_onnxruntime

RANDOM = np.random.default_rng(0)
CONSTANTS = {"w": RANDOM.integers(-3, 4, (4, 2, 3, 2)).astype(np.float32)}
OPS = {
    "Conv": "Conv<auto_pad = {mode}, strides = {strides}>(x, w)",
    "MaxPool": "MaxPool<auto_pad = {mode}, strides = {strides}, kernel_shape = [3, 2]>(x)",
    "AveragePool": "AveragePool<auto_pad = {mode}, strides = {strides}, kernel_shape = [3, 2]>(x)",
}


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 1], [2, 3]])
def test_answers_stay_the_same(op: str, mode: str, strides: list[int]) -> None:
    body = OPS[op].format(mode=f'"{mode}"', strides=strides)
    text = f"g (float[N, 2, 7, 8] x) => (float[] y) {{ y = {body} }}"
    constants = CONSTANTS if op == "Conv" else {}
    graph = graph_from_text(text, constants)
    run_passes(graph, [ExplicitPadding()])
    (node,) = graph.nodes
    assert "auto_pad" not in node.attributes
    assert isinstance(node.attributes["pads"], list)
    x = {"x": RANDOM.integers(-8, 9, (3, 2, 7, 8)).astype(np.float32)}
    (wanted,) = run_onnxruntime(model_from_text(text, constants), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_the_odd_pixel_lies_behind_or_in_front() -> None:
    found = {}
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        text = f'g (float[N, 2, 7, 8] x) => (float[] y) {{ y = Conv<auto_pad = "{mode}">(x, w) }}'
        graph = graph_from_text(text, CONSTANTS)
        run_passes(graph, [ExplicitPadding()])
        found[mode] = graph.nodes[0].attributes["pads"]
    assert found == {"SAME_UPPER": [1, 0, 1, 1], "SAME_LOWER": [1, 1, 1, 0]}


@pytest.mark.parametrize(
    ("shape", "attribute"),
    [("N, 2, H, 8", 'auto_pad = "SAME_UPPER"'), ("N, 2, 7, 8", "pads = [1, 1, 1, 1]")],
)
def test_what_is_not_known_or_not_asked_for_stays(shape: str, attribute: str) -> None:
    text = f"g (float[{shape}] x) => (float[] y) {{ y = Conv<{attribute}>(x, w) }}"
    graph = graph_from_text(text, CONSTANTS)
    before = dict(graph.nodes[0].attributes)
    run_passes(graph, [ExplicitPadding()])
    assert graph.nodes[0].attributes == before
