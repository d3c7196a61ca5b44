import numpy as np
import pytest

from bnn_engine.graph.arithmetic import batch_norm_coefficients
from bnn_engine.graph.reference import evaluate
from tests.support.onnx_models import graph_from_text, model_from_text, run_onnxruntime

BN = "g (float[N, 50] x) => (float[N, 50] y) { y = BatchNormalization(x, s, b, m, v) }"


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_batch_norm_is_bit_equal_to_onnxruntime(epsilon: float) -> None:
    rng = np.random.default_rng(0)
    parameters = {
        "s": rng.normal(0, 2, 50).astype(np.float32),
        "b": rng.normal(0, 2, 50).astype(np.float32),
        "m": rng.normal(0, 30, 50).astype(np.float32),
        "v": rng.uniform(0, 90, 50).astype(np.float32),
    }
    text = BN.replace("Normalization(", f"Normalization<epsilon = {epsilon}>(")
    x = np.repeat(np.arange(-500, 500, dtype=np.float32)[:, None], 50, axis=1)
    (expected,) = run_onnxruntime(model_from_text(text, parameters), {"x": x})
    actual = evaluate(graph_from_text(text, parameters), {"x": x})["y"]
    np.testing.assert_array_equal(actual, expected)


def test_batch_norm_coefficients_of_a_zero_variance_are_infinite() -> None:
    one = np.ones(1, np.float32)
    scale, _ = batch_norm_coefficients([one, one, one, 0 * one], 0.0)
    assert np.isinf(scale).all()


def test_log_softmax_stays_finite() -> None:
    text = "g (float[N, 3] x) => (float[N, 3] y) { y = LogSoftmax(x) }"
    x = np.array([[0, 500, -500], [1, 2, 3]], np.float32)
    (expected,) = run_onnxruntime(model_from_text(text), {"x": x})
    np.testing.assert_allclose(evaluate(graph_from_text(text), {"x": x})["y"], expected, rtol=1e-6)


def test_any_value_can_be_asked_for() -> None:
    graph = graph_from_text("g (float[N] x) => (float[N] y) { a = Abs(x)  y = Neg(a) }")
    x = np.array([-1, 2], np.float32)
    found = evaluate(graph, {"x": x}, ["a", "x"])
    assert list(found) == ["a", "x"]
    np.testing.assert_array_equal(found["a"], [1, 2])


def test_omitted_inputs_and_several_outputs() -> None:
    graph = graph_from_text(
        "g (float[4] x) => (float[A] p, float[B] q) { c = Clip(x, , m)  p, q = Split(c, k) }",
        {"m": np.array(2, np.float32), "k": np.array([1, 3])},
    )
    found = evaluate(graph, {"x": np.array([-5, 1, 3, 4], np.float32)})
    assert found["p"].tolist() == [-5]
    assert found["q"].tolist() == [1, 2, 2]
