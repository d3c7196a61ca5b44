import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.sink_factors import SinkFactors
from tests.support.onnx_models import graph_from_text, op_types

RNG = np.random.default_rng(0)
CONSTANTS = {
    "s": np.array([[[[0.3]]]], np.float32),
    "minus": np.array(-0.3, np.float32),
    "channels": np.array([0.3, 0.3, 0.5], np.float32).reshape(3, 1, 1),
    "flat": np.array([0, 12]),
}
POOL = "MaxPool<kernel_shape = [2, 2], strides = [2, 2]>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"m = Mul(q, s)  y = {POOL}(m)", ["MaxPool", "Mul"]),
        (f"m = Mul(s, q)  p = {POOL}(m)  y = Flatten(p)", ["MaxPool", "Flatten", "Mul"]),
        (
            f"m = Mul(q, s)  p = {POOL}(m)  t = Transpose<perm = [0, 2, 3, 1]>(p) "
            "y = Reshape(t, flat)",
            ["MaxPool", "Transpose", "Reshape", "Mul"],
        ),
        ("m = Mul(q, s)  y = AveragePool<kernel_shape = [2, 2]>(m)", None),
        (f"m = Mul(q, minus)  y = {POOL}(m)", None),
        (f"m = Mul(q, channels)  y = {POOL}(m)", None),
        (f"r = Relu(q)  a = Add(x, r)  m = Mul(a, s)  y = {POOL}(m)", None),
        (f"m = Mul(q, s)  p = {POOL}(m)  n = {POOL}(m)  y = Add(p, n)", None),
    ],
)
def test_factors(body: str, expected: list[str] | None) -> None:
    graph = graph_from_text(
        f"g (float[N, 3, 4, 4] x) => (float[A] y) {{ q = Sign(x)  {body} }}", CONSTANTS
    )
    x = np.round(RNG.normal(size=(2, 3, 4, 4))).astype(np.float32)
    before, wanted = op_types(graph), evaluate(graph, {"x": x})["y"]
    run_passes(graph, [SinkFactors()])
    assert op_types(graph) == (before if expected is None else ["Sign", *expected])
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], wanted)
