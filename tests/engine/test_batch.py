"""A batch axis that the exporter fixed to 1."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

import bnn_engine
from bnn_engine import ShapeError
from tests.support import ort
from tests.support.onnx_models import model_from_text

NOT_BY_ROWS = {
    "ReduceSum": "y = ReduceSum<keepdims=1>(x, zero)",
    "Softmax": "y = Softmax<axis=0>(x)",
    "Transpose": "r = Reshape(x, square) y = Transpose<perm=[2, 1, 0]>(r)",
    "Reshape": "y = Reshape(x, two)",
    "Concat": "y = Concat<axis=0>(x, x)",
    "Gemm": "y = Gemm<transA=1>(x, x)",
}


@pytest.mark.parametrize("op", NOT_BY_ROWS)
def test_where_rows_may_mix_the_batch_stays_fixed(op: str) -> None:
    constants = {"zero": np.array([0]), "two": np.array([2, 2]), "square": np.array([1, 2, 2])}
    model = model_from_text(f"g (float[1, 4] x) => (float[] y) {{ {NOT_BY_ROWS[op]} }}")
    used = {name for node in model.graph.node for name in node.input}
    for name, array in constants.items():
        if name in used:
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    engine = bnn_engine.load(model)
    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    np.testing.assert_allclose(engine.predict(x), ort.run(model, {"x": x})["y"], rtol=1e-6)
    with pytest.raises(ShapeError) as caught:
        engine.predict(np.zeros((2, 4), np.float32))
    assert "input 'x' must have shape [1, 4], got [2, 4]" in str(caught.value)
    assert "because" in str(caught.value)
    assert op in str(caught.value)


def test_where_rows_cannot_mix_it_is_free() -> None:
    model = model_from_text(
        """g (float[1, 2, 3] x) => (float[] y) {
            f = Reshape(x, rows)
            e = Erf(f)
            y = Softmax<axis=1>(e)
        }""",
        {"rows": np.array([1, 6])},
    )
    engine = bnn_engine.load(model)
    assert isinstance(engine.inputs[0].shape[0], str)
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    wanted = ort.run_rows(model, {"x": x})["y"]
    np.testing.assert_allclose(engine.predict(x), wanted, rtol=1e-5)
    assert engine.predict(x[:0]).shape == (0, 6)


def test_a_batch_frozen_to_another_number_stays() -> None:
    engine = bnn_engine.load(model_from_text("g (float[3, 2] x) => (float[] y) { y = Relu(x) }"))
    assert engine.predict(np.ones((3, 2))).shape == (3, 2)
    with pytest.raises(ShapeError, match=r"\[3, 2\], got \[4, 2\]"):
        engine.predict(np.ones((4, 2)))
