"""Inputs that decide shapes and parameters: networks built for their values, against ORT."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import specialise
from bnn_engine.errors import BnnError
from tests.support import ort
from tests.support.onnx_models import model_from_text, signs

Array = NDArray[Any]

RESHAPE = """g (float[2, 3, 4] x, int64[K] target) => (float[] y) {
    h = Relu(x)
    y = Reshape(h, target)
}"""
X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)


def executors(engine: bnn_engine.Engine) -> dict[str, str]:
    return {layer.op: layer.executor for layer in engine.summary().layers}


def late(engine: bnn_engine.Engine) -> specialise.LateBinding:
    assert engine._late is not None
    return engine._late


def targets() -> Iterator[Array]:
    for count in range(1, 25):
        yield np.array([1] * (count % 5) + [-1, 2], np.int64)


def test_a_target_given_at_run_time_runs_natively() -> None:
    model = model_from_text(RESHAPE)
    engine = bnn_engine.load(model)
    assert executors(engine)["Reshape"] == "python"
    for target in ([24], [2, 12], [-1, 2], [0, 0, 2, 2], [24]):
        feeds: dict[str, Array] = {"x": X, "target": np.array(target, np.int64)}
        np.testing.assert_array_equal(engine.run(feeds)["y"], ort.run(model, feeds)["y"])
        assert set(executors(engine).values()) == {"native"}


def test_values_computed_from_inputs_are_followed() -> None:
    model = model_from_text(
        """g (float[2, 3, 4] x, int64[1] rows) => (float[] y) {
            two = Constant<value_ints = [2]>()
            minus = Constant<value_ints = [-1]>()
            double = Mul(rows, two)
            target = Concat<axis = 0>(double, minus)
            y = Reshape(x, target)
        }"""
    )
    engine = bnn_engine.load(model)
    for rows in (1, 2, 3):
        feeds = {"x": X, "rows": np.array([rows])}
        np.testing.assert_array_equal(engine.run(feeds)["y"], ort.run(model, feeds)["y"])
        assert set(executors(engine).values()) == {"native"}


def test_the_caller_may_change_the_array_afterwards() -> None:
    engine = bnn_engine.load(model_from_text(RESHAPE))
    target = np.array([2, 12])
    assert engine.run({"x": X, "target": target})["y"].shape == (2, 12)
    target[:] = [6, 4]
    assert engine.run({"x": X, "target": target})["y"].shape == (6, 4)
    target[:] = [2, 12]
    assert engine.run({"x": X, "target": target})["y"].shape == (2, 12)


def test_networks_are_kept_within_bounds_and_trimmed() -> None:
    engine = bnn_engine.load(model_from_text(RESHAPE))
    for target in targets():
        engine.run({"x": X, "target": target})
        assert len(late(engine)._networks) <= specialise.CAPACITY
    engine.trim()
    assert not late(engine)._networks
    assert engine.run({"x": X, "target": np.array([24])})["y"].shape == (24,)


def test_values_that_never_repeat_stop_being_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    original = specialise.LateBinding._specialised

    def counting(self: specialise.LateBinding, values: Any) -> Any:
        built.append(values)
        return original(self, values)

    monkeypatch.setattr(specialise.LateBinding, "_specialised", counting)
    model = model_from_text(
        """g (float[1, 2, 6, 6] x, float[2, 2, 3, 3] w) => (float[] y) { y = Conv(x, w) }"""
    )
    engine = bnn_engine.load(model)
    random = np.random.default_rng(1)
    x = random.normal(size=(1, 2, 6, 6)).astype(np.float32)
    for _ in range(2 * specialise.MAX_MISSES):
        w = random.normal(size=(2, 2, 3, 3)).astype(np.float32)
        found = engine.run({"x": x, "w": w})["y"]
        np.testing.assert_allclose(
            found, ort.run(model, {"x": x, "w": w})["y"], rtol=1e-4, atol=1e-5
        )
    assert len(built) <= specialise.MAX_MISSES


def test_signs_as_weights_make_a_binary_layer() -> None:
    """A bound weight is a constant like any other: all passes see it."""
    random = np.random.default_rng(2)
    model = model_from_text(
        """g (float[N, 64, 5, 5] x, float[8, 64, 3, 3] w) => (float[N, 8, 3, 3] y) {
            s = Sign(x)
            y = Conv(s, w)
        }"""
    )
    engine = bnn_engine.load(model)
    x = random.normal(size=(3, 64, 5, 5)).astype(np.float32)
    feeds = {"x": x, "w": signs(random, (8, 64, 3, 3))}
    np.testing.assert_array_equal(engine.run(feeds)["y"], ort.run(model, feeds)["y"])
    assert [layer.kind for layer in engine.summary().layers if layer.binary_macs] == ["W1A1"]


def test_large_values_are_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specialise, "MAX_BYTES", 100)
    model = model_from_text(
        "g (float[1, 2, 6, 6] x, float[K, 2, 3, 3] w) => (float[] y) { y = Conv(x, w) }"
    )
    engine = bnn_engine.load(model)
    x, w = np.ones((1, 2, 6, 6), np.float32), np.ones((5, 2, 3, 3), np.float32)
    np.testing.assert_array_equal(engine.run({"x": x, "w": w})["y"], np.full((1, 5, 4, 4), 18))
    assert executors(engine)["Conv"] == "python"


def test_values_that_make_no_sense_are_bnn_errors() -> None:
    engine = bnn_engine.load(model_from_text(RESHAPE))
    for target in ([5, 5], [-1, -1], [7, -1]):
        with pytest.raises(BnnError):
            engine.run({"x": X, "target": np.array(target)})
    assert engine.run({"x": X, "target": np.array([24])})["y"].shape == (24,)


def test_data_is_never_taken_for_a_parameter() -> None:
    """Binding everything an output depends on would compute nothing natively."""
    model = model_from_text(
        """g (int64[K] target) => (float[] y) {
            x = Constant<value_floats = [1.0, 2.0, 3.0, 4.0]>()
            y = Reshape(x, target)
        }"""
    )
    engine = bnn_engine.load(model)
    np.testing.assert_array_equal(engine.predict(np.array([2, 2])), [[1, 2], [3, 4]])
    assert executors(engine) == {"Reshape": "python"}


def test_fallback_error_refuses_what_only_binding_would_run() -> None:
    with pytest.raises(bnn_engine.UnsupportedOpError, match="Reshape"):
        bnn_engine.load(model_from_text(RESHAPE), fallback="error")


def test_threads_share_networks() -> None:
    engine = bnn_engine.load(model_from_text(RESHAPE))
    failures: list[object] = []

    def work() -> None:
        for target in targets():
            y = engine.run({"x": X, "target": target})["y"]
            if not np.array_equal(y, X.clip(0).reshape(target)):
                failures.append(target)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_saved_model_binds_late_too(tmp_path: Any) -> None:
    model = model_from_text(
        """g (float[2, 64] x, int64[K] target) => (float[] y) {
            s = Sign(x)
            h = MatMul(s, w)
            y = Reshape(h, target)
        }""",
        {"w": signs(np.random.default_rng(3), (64, 6))},
    )
    path = tmp_path / "packed.onnx"
    bnn_engine.load(model).save(path)
    feeds = {"x": np.random.default_rng(4).normal(size=(2, 64)).astype(np.float32)}
    feeds["target"] = np.array([3, 4])
    again = bnn_engine.load(path)
    np.testing.assert_array_equal(again.run(feeds)["y"], ort.run(model, feeds)["y"])
    assert set(executors(again).values()) == {"native"}


@pytest.mark.parametrize(
    ("op", "values"),
    [
        ("Expand(x, s)", [[2**40, 1, 1, 1], [2**62, 2**62, 2, 3, 4], [-1], [0]]),
        ("Tile(x, s)", [[2**40, 1, 1], [-1, 1, 1], [2**62, 2**62, 1]]),
        ("Pad(x, s)", [[2**40, 0, 0, 0, 0, 0], [1], [2**63 - 1] * 6, [-(2**63), 0, 0, 0, 0, 0]]),
        ("Resize(x, , , s)", [[2, 3, 2**40], [2, 3, -4], [2, 3]]),
        ("ReduceSum(x, s)", [[7], [-9], [1, 1]]),
        ("Unsqueeze(x, s)", [[9], [1, 1]]),
        ("Squeeze(x, s)", [[7], [0]]),
    ],
)
def test_impossible_values_are_bnn_errors(op: str, values: list[list[int]]) -> None:
    engine = bnn_engine.load(
        model_from_text(f"g (float[2, 3, 4] x, int64[K] s) => (float[] y) {{ y = {op} }}")
    )
    for numbers in values:
        with pytest.raises(BnnError):
            engine.run({"x": X, "s": np.array(numbers, np.int64)})
