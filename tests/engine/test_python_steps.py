"""Standard ops without a native kernel: reported Python steps, or refused on demand."""

from __future__ import annotations

import numpy as np
import pytest

import bnn_engine
from bnn_engine import UnsupportedOpError
from bnn_engine.lowering import python_step
from tests.support import ort
from tests.support.onnx_models import model_from_text, signs

SCALARS = {
    "zero": np.asarray(np.float32(0)),
    "one": np.asarray(np.float32(1)),
    "minus": np.asarray(np.float32(-1)),
}

MIXED = {
    "Compress": ("e = Compress<axis=1>(h, some)", 4),
    "Einsum": ('e = Einsum<equation="ij -> ij">(h)', 7),
    "LpNormalization": ("e = LpNormalization<axis=1>(h)", 7),
    "If": (
        """q = Greater(one, zero)
           e = If (q) <
             then_branch = a () => (float[N, 7] t) { t = Neg(h) },
             else_branch = b () => (float[N, 7] t) { t = Abs(h) }
           >""",
        7,
    ),
}


@pytest.mark.parametrize("op", MIXED)
def test_python_steps_between_native_layers(op: str) -> None:
    random = np.random.default_rng(0)
    body, width = MIXED[op]
    constants = {
        "some": np.array([True, False, True, True, False, True, False]),
        "w": signs(random, (20, 7)),
        "v": signs(random, (width, 6)),
        **SCALARS,
    }
    model = model_from_text(
        f"""g (float[N, 20] x) => (float[] y) {{
            h = MatMul(x, w)
            {body}
            c = Greater(e, zero)
            s = Where(c, one, minus)
            y = MatMul(s, v)
        }}""",
        constants,
    )
    engine = bnn_engine.load(model)
    x = random.integers(-5, 6, (9, 20)).astype(np.float32)
    np.testing.assert_array_equal(engine.predict(x), ort.run(model, {"x": x})["y"])
    if op != "If":  # its condition is constant: it may be folded away
        executors = {layer.op: layer.executor for layer in engine.summary().layers}
        assert executors[op] == "python"
        assert executors["BinaryWeightGemm"] == executors["BinaryGemm"] == "native"
        assert "python step" in str(engine.summary())
    np.testing.assert_array_equal(
        engine.predict(x[:3]), bnn_engine.load(model, num_threads=1).predict(x)[:3]
    )


def test_steps_on_both_sides_of_a_join() -> None:
    """Levels of native and Python steps cross each other."""
    model = model_from_text(
        """g (float[N, 4] x) => (float[] y, float[] z) {
            a = Relu(x)
            b = CumSum(x, last)
            c = CumSum(a, last)
            d = Add(b, c)
            e = Relu(d)
            f = Hardmax(e)
            y = Add(f, a)
            z = Mul(b, e)
        }""",
        {"last": np.asarray(1)},
    )
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    got, wanted = bnn_engine.load(model).run({"x": x}), ort.run(model, {"x": x})
    for name in ("y", "z"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-5, atol=1e-6)


def test_error_lists_every_node() -> None:
    model = model_from_text(
        """g (float[N, 4] x) => (float[] y) {
            a = Compress<axis=1>(x, some)
            b = Relu(a)
            [second] c = LpNormalization(b)
            y = Det(c)
        }""",
        {"some": np.array([True, False, True, True])},
    )
    with pytest.raises(UnsupportedOpError) as caught:
        bnn_engine.load(model, fallback="error")
    problems = caught.value.problems
    assert len(problems) == 3
    assert "3 nodes" in str(caught.value)
    for op, problem in zip(("Compress", "LpNormalization", "Det"), problems, strict=True):
        assert op in problem
        assert "ai.onnx" in problem
        assert "opset" in problem
        assert "no native kernel" in problem
        assert problem in str(caught.value)
    assert "'second'" in problems[1]
    assert {layer.executor for layer in bnn_engine.load(model).summary().layers} == {
        "native",
        "python",
    }


def test_a_step_that_fails_is_a_bnn_error() -> None:
    model = model_from_text("g (float[N, M] x) => (float[] y) { y = Det(x) }")
    engine = bnn_engine.load(model)
    x = np.array([[2, 1], [1, 3]], np.float32)
    np.testing.assert_allclose(engine.predict(x), 5, rtol=1e-6)
    with pytest.raises(bnn_engine.BnnError, match="Det"):
        engine.predict(x[:1])


def test_ops_whose_package_is_missing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_from_text("g (uint8[N] x) => (uint8[H, W, C] y) { y = ImageDecoder(x) }")
    monkeypatch.setattr(python_step, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedOpError, match="pip install pillow"):
        bnn_engine.load(model)
