"""f(Pad(x, v)) = Pad(f(x), f(v)) for signs, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.pad_after_sign import PadAfterBinarize, PadAfterSign
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

NAN, INF = float("nan"), float("inf")
PASSES = [RecogniseActivations(), PadAfterSign(), PadAfterBinarize()]
CONSTANTS: dict[str, NDArray[Any]] = {
    "frame": np.array([0, 0, 1, 2, 0, 0, 0, 1]),
    "channels": np.array([0, 1, 0, 0, 0, 0, 0, 0]),
    "one": np.array(1, np.float32),
    "minus": np.array(-1, np.float32),
    "zero": np.array(0, np.float32),
    "t4": np.array([[[0]], [[-1]], [[0.5]], [[2]]], np.float32),
    "t": np.array([[[-1]], [[0.5]], [[2]]], np.float32),
}


def after(body: str, value: float) -> list[str]:
    """Op types after the passes; answers stay the same, whatever the input."""
    text = f"g (float[N, 3, 4, 5] x) => (float[] y) {{ {body} }}"
    constants = {**CONSTANTS, "v": np.array(value, np.float32)}
    graph = graph_from_text(text, constants)
    run_passes(graph, PASSES)
    special = np.array([0.0, -0.0, NAN, INF, -INF, 1e-45, -1e-45, 0.5, 2, -1], np.float32)
    x = {"x": np.random.default_rng(0).choice(special, (2, 3, 4, 5))}
    (wanted,) = run_onnxruntime(model_from_text(text, constants), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_array_equal(got, wanted)
    return op_types(graph)


@pytest.mark.parametrize("value", [0.0, -0.0, 3.5, -1e-45, INF, NAN])
def test_sign(value: float) -> None:
    ops = after("p = Pad(x, frame, v) y = Sign(p)", value)
    assert ops == (["Pad", "Sign"] if np.isnan(value) else ["Sign", "Pad"])


@pytest.mark.parametrize("value", [0.0, 1.0, -2.0, NAN])
def test_binarize(value: float) -> None:
    where = "c = GreaterOrEqual(p, zero) y = Where(c, one, minus)"
    assert after(f"p = Pad(x, frame, v) {where}", value) == ["Binarize", "Pad"]
    assert after(f"p = Pad(x, channels, v) {where}", value) == ["Binarize", "Pad"]


@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap"])
def test_padding_by_elements(mode: str) -> None:
    assert after(f'p = Pad<mode="{mode}">(x, frame) y = Sign(p)', 0) == ["Sign", "Pad"]


@pytest.mark.parametrize(
    ("value", "swapped"), [(-3.0, True), (0.0, False), (1.0, False), (2.5, True)]
)
def test_bounds_per_channel(value: float, swapped: bool) -> None:
    ops = after("p = Pad(x, frame, v) c = Greater(p, t) y = Where(c, one, minus)", value)
    assert ops == (["Binarize", "Pad"] if swapped else ["Pad", "Binarize"])


def test_added_channels_have_no_bounds() -> None:
    body = "p = Pad(x, channels, v) c = Greater(p, t4) y = Where(c, one, minus)"
    assert after(body, 0) == ["Pad", "Binarize"]


def test_what_others_read_stays() -> None:
    ops = after("p = Pad(x, frame, v) s = Sign(p) y = Add(s, p)", 1)
    assert ops == ["Pad", "Sign", "Add"]
