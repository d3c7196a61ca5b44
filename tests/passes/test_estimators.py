"""Every quantizer with every estimator around it: equal to ONNX Runtime but for rounding noise."""

import itertools

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.common_subexpressions import CommonSubexpressions
from tests.support.float_grid import grid
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

NUMBERS = {"zero": 0, "one": 1, "minus": -1, "two": 2, "three": 3, "alpha": 0.37, "third": 1 / 3}
CONSTANTS = {name: np.array(number, np.float32) for name, number in NUMBERS.items()}

QUANTIZERS = {
    "sign": "a = Sign(x)",
    "where": "p = Greater(x, zero)  a = Where(p, one, minus)",
    "zero or one": "p = GreaterOrEqual(x, zero)  a = Cast<to = 1>(p)",
    "two bits": "k = Clip(x, zero, one)  m = Mul(k, three)  r = Round(m)  a = Div(r, three)",
    "scaled": "s = Sign(x)  a = Mul(s, alpha)",
}
SMOOTH = {
    "identity": "b = Identity(x)",
    "clip": "b = Clip(x, minus, one)",
    "unit clip": "b = Clip(x, zero, one)",
    "tanh": "b = Tanh(x)",
    "steep tanh": "t = Mul(x, three)  b = Tanh(t)",
    "sigmoid": "b = Sigmoid(x)",
    "hard sigmoid": "b = HardSigmoid(x)",
    "shifted": "t = Clip(x, minus, one)  b = Add(t, third)",
}
ORDERS = {
    "(a - b) + b": "d = Sub(a, b)  y = Add(d, b)",
    "b + (a - b)": "d = Sub(a, b)  y = Add(b, d)",
    "b - (b - a)": "d = Sub(b, a)  y = Sub(b, d)",
    "(a + b) - b": "d = Add(a, b)  y = Sub(d, b)",
    "(b + a) - b": "d = Add(b, a)  y = Sub(d, b)",
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("quantizer", "smooth"), [*itertools.product(QUANTIZERS, SMOOTH)])
def test_noise_is_bounded(quantizer: str, smooth: str, order: str) -> None:
    body = f"{QUANTIZERS[quantizer]}  {SMOOTH[smooth]}  {ORDERS[order]}"
    text = f"g (float[N, 2] x) => (float[N, 2] y) {{ {body} }}"
    graph, model = graph_from_text(text, CONSTANTS), model_from_text(text, CONSTANTS)
    run_passes(graph, [CommonSubexpressions(), RecogniseActivations()])
    # Far from 0, x has no place for the bits of 0.37; nor has 1 + x for those of 1.
    loses_bits = smooth == "identity" and (
        quantizer == "scaled" or order in ("(a + b) - b", "(b + a) - b")
    )
    assert ("Sub" not in op_types(graph)) == (not loses_bits)
    if loses_bits:
        return
    numbers = grid()
    x = np.repeat(numbers[~(np.abs(numbers) >= 2.0**24)][:, None], 2, axis=1)
    got = evaluate(graph, {"x": x})["y"].astype(np.float64)
    (runtime,) = run_onnxruntime(model, {"x": x})
    np.testing.assert_array_equal(np.isnan(got), np.isnan(runtime))
    noise = np.abs(got - runtime)
    assert np.nanmax(noise - 6 * 2.0**-24 * np.abs(got)) <= 0
