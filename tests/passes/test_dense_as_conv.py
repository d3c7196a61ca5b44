"""Products along the last of several axes become convolutions of one tap."""

from __future__ import annotations

import numpy as np
import pytest

import bnn_engine
from bnn_engine.passes import run_passes
from bnn_engine.passes.dense_as_conv import DenseLayersAsConvolutions
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, graph_from_text, model_from_text, op_types, signs

SHAPES = [(5, 40), (2, 3, 40), (2, 1, 3, 40)]


def layer(shape: tuple[int, ...], outputs: str = "") -> str:
    extents = ", ".join(map(str, shape))
    return (
        f"g (float[N, {extents}] x) => (float[N, {', '.join(map(str, shape[:-1]))}, 24] y) "
        f"{{ s = Sign(x)  {outputs or 'y = MatMul(s, w)'} }}"
    )


def weights(scaled: bool = False) -> Array:
    random = np.random.default_rng(1)
    found = signs(random, (40, 24))
    return found * random.uniform(-2, 2, 24).astype(np.float32) if scaled else found


@pytest.mark.parametrize("shape", SHAPES)
def test_integer_products_are_equal(shape: tuple[int, ...]) -> None:
    model = model_from_text(layer(shape), {"w": weights()})
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    x.flat[::7] = 0
    engine = assert_equal_answers(model, {"x": x}, executor=None)
    kinds = [row.kind for row in engine.summary().layers if row.binary_macs or row.float_macs]
    assert kinds == ["W1A1"]


@pytest.mark.parametrize("shape", SHAPES)
def test_scaled_weights(shape: tuple[int, ...]) -> None:
    model = model_from_text(layer(shape), {"w": weights(scaled=True)})
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    got, wanted = bnn_engine.load(model).predict(x), ort.run(model, {"x": x})["y"]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=40 * 2**-23 * 40 * 2)


def test_a_frozen_batch_stays_a_batch() -> None:
    model = model_from_text(layer((5, 40)).replace("N", "1"), {"w": weights()})
    x = np.random.default_rng(0).normal(size=(3, 5, 40)).astype(np.float32)
    np.testing.assert_array_equal(
        bnn_engine.load(model).predict(x), ort.run_rows(model, {"x": x})["y"]
    )


def test_graph() -> None:
    graph = graph_from_text(layer((5, 40)), {"w": weights()})
    run_passes(graph, [DenseLayersAsConvolutions()])
    assert op_types(graph) == ["Sign", "Transpose", "Conv", "Transpose"]
    assert [value.shape for value in graph.outputs] == [("N", 5, 24)]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ("y = MatMul(x, w)", "input is not quantized: graph input 'x'"),
        ("y = MatMul(s, v)", "weights have 40 levels in row 0"),
        ("r = Exp(w)  y = MatMul(s, r)", "weights are no constant float32 matrix"),
    ],
)
def test_products_that_stay(nodes: str, reason: str) -> None:
    constants = {"w": weights(), "v": np.arange(960, dtype=np.float32).reshape(40, 24)}
    graph = graph_from_text(layer((5, 40), nodes), constants)
    run_passes(graph, [DenseLayersAsConvolutions()])
    assert op_types(graph)[-1] == "MatMul"
    assert graph.reasons["y"].startswith(reason)


def test_matrices_are_left_to_the_dense_layers() -> None:
    graph = graph_from_text(layer((40,)).replace(", , ", ", "), {"w": weights()})
    run_passes(graph, [DenseLayersAsConvolutions()])
    assert op_types(graph) == ["Sign", "MatMul"]
    assert graph.reasons == {}
