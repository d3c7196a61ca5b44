from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from tests.support.onnx_models import model_from_text

X = np.random.default_rng(0).normal(size=(2, 3, 4, 3)).astype(np.float32)
SLOPES = np.array([0.5, -1, 2], np.float32)


@pytest.mark.parametrize("constant", [True, False])
def test_slopes_of_opset_6_lie_along_the_channels(constant: bool) -> None:
    """The last axis is as long as that of the channels: broadcasting would take the wrong one."""
    given = "" if constant else ", float[3] s"
    model = model_from_text(
        f"g (float[2, 3, 4, 3] x{given}) => (float[2, 3, 4, 3] y) {{ y = PRelu(x, s) }}",
        {"s": SLOPES} if constant else {},
        opset=6,
    )
    graph = import_model(model)
    graph.check()
    feeds = {"x": X} if constant else {"x": X, "s": SLOPES}
    expected = np.where(X < 0, X * SLOPES[:, None, None], X)
    np.testing.assert_array_equal(evaluate(graph, feeds)["y"], expected)


def test_opset_7_broadcasts() -> None:
    text = "g (float[2, 3, 4, 3] x) => (float[2, 3, 4, 3] y) { y = PRelu(x, s) }"
    graph = import_model(model_from_text(text, {"s": SLOPES}, opset=7))
    expected = np.where(X < 0, X * SLOPES, X)
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], expected)
