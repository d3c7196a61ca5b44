"""Layers of 1-bit weights in front of which a Sign is missing, and such that mean real inputs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import bnn_engine
from bnn_engine.passes.lost_signs import FindLostSigns
from tests.support.onnx_models import Array, graph_from_text, model_from_text, signs

EXPORTED = Path(__file__).parents[1] / "conformance/fixtures/lost_signs/torchscript.onnx"

LAYERS = """g (float[N, 6] x) => (float[N, 4] y) {{
    a = Gemm<transB = 1>(x, first)
    {between}
    y = MatMul(b, second)
}}"""


def constants() -> dict[str, Array]:
    random = np.random.default_rng(0)
    made: dict[str, Array] = {"first": signs(random, (8, 6)), "second": signs(random, (8, 4))}
    made |= {name: np.full(8, v, np.float32) for name, v in (("p", 0.3), ("q", 0.2), ("v", 2.0))}
    made |= {name: np.array(v, np.float32) for name, v in (("low", -1), ("zero", 0), ("high", 6))}
    made |= {name: np.array(v, np.float32) for name, v in (("least", -128), ("most", 127))}
    return made | {"rows": np.array([-1, 2, 4]), "flat": np.array([0, 8])}


def warned(between: str, **weights: Array) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bnn_engine.load(model_from_text(LAYERS.format(between=between), constants() | weights))
    assert all(issubclass(warning.category, bnn_engine.BnnWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("between", "culprit"),
    [
        ("b = BatchNormalization(a, p, q, p, v)", "BatchNormalization 'b'"),
        ("b = PRelu(a, p)", "PRelu 'b'"),
        ("b = Clip(a, low, high)", "Clip 'b'"),
        ("b = Tanh(a)", "Tanh 'b'"),
        ("s = Mul(a, v)  b = Sub(s, a)", "Sub 'b'"),
        ("t = Tanh(a)  s = Mul(t, v)  r = Reshape(s, rows)  b = Reshape(r, flat)", "Tanh 't'"),
        ("b = Identity(a)", "BinaryWeightGemm 'a'"),
    ],
)
def test_a_sign_is_missing(between: str, culprit: str) -> None:
    (message,) = warned(between)
    assert message.startswith("there are layers with binary weights but real inputs")
    assert message.endswith(f"\n  - 'y', whose input comes from {culprit}")


@pytest.mark.parametrize(
    "between",
    [
        "b = Relu(a)",
        "b = Clip(a, zero, high)",
        "s = Sigmoid(a)  b = Mul(a, s)",
        "r = LeakyRelu(a)  s = Mul(r, v)  b = Reshape(s, flat)",
        "b = Sign(a)",
        "r = Floor(a)  b = Mul(r, v)",
        "r = Round(a)  s = Add(r, low)  c = Clip(s, least, most)  d = Sub(c, low)  b = Mul(d, v)",
    ],
)
def test_what_is_meant_is_left_alone(between: str) -> None:
    assert warned(between) == []


def test_first_layers_read_real_numbers() -> None:
    text = """g (float[N, 8] x) => (float[N, 4] y) {
        n = BatchNormalization(x, p, q, p, v)  y = MatMul(n, second)
    }"""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bnn_engine.load(model_from_text(text, constants()))


def test_torchscript_loses_signs_that_are_assigned_to_data(tmp_path: Path) -> None:
    with pytest.warns(bnn_engine.BnnWarning, match=r"x\.data = x\.data\.sign\(\)") as caught:
        engine = bnn_engine.load(EXPORTED)
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    layers = {layer.name: layer.reason for layer in engine.summary().layers if layer.float_macs}
    lost = [name for name, reason in layers.items() if "was a Sign lost in export?" in reason]
    assert lost == ["/layers.1/layers.1.0/Conv", "/layers.2/layers.2.0/Conv"]
    assert str(engine.summary()).count("was a Sign lost in export?") == 2
    engine.save(tmp_path / "packed.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        packed = bnn_engine.load(tmp_path / "packed.onnx")
    assert "was a Sign lost in export?" in str(packed.summary())


def test_the_graph_stays_as_it_is() -> None:
    graph = graph_from_text(LAYERS.format(between="b = Tanh(a)"), constants())
    edits = graph.edits
    FindLostSigns().run(graph)
    assert graph.edits == edits
    assert graph.warnings == []  # nothing is known to be binary yet


@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_a_mean_is_no_layer(scale: float) -> None:
    assert warned("b = Tanh(a)", second=np.full((8, 4), scale, np.float32)) == []
