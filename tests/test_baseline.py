"""The float twin of a network: same answers, no binary arithmetic."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bnn_engine
from bnn_engine.baseline import load_float
from bnn_engine.datasets import digits
from bnn_engine.timing import interleaved_latencies

BINARIZED = ["mnist-bmlp", "mnist-bcnn"]


@pytest.mark.parametrize("name", BINARIZED)
def test_float_twin_gives_the_same_answers(name: str) -> None:
    path = bnn_engine.models.path(name)
    images = digits().images[::7]
    y, twin_y = bnn_engine.load(path, 1).predict(images), load_float(path).predict(images)
    # First layers add floats in another order; a sum that is about zero may change its sign.
    same = np.isclose(y, twin_y, rtol=1e-5, atol=1e-5).all(axis=1)
    assert same.mean() >= 0.98
    assert (y.argmax(axis=1) == twin_y.argmax(axis=1)).mean() >= 0.99


@pytest.mark.parametrize("name", BINARIZED)
def test_float_twin_runs_in_native_float_kernels(name: str) -> None:
    path = bnn_engine.models.path(name)
    layers, twin = bnn_engine.load(path).summary().layers, load_float(path).summary().layers
    assert any(layer.binary_macs for layer in layers)
    assert all(layer.executor == "native" for layer in twin)
    assert not any(layer.binary_macs for layer in twin)
    macs = sum(layer.binary_macs + layer.float_macs for layer in layers)
    assert sum(layer.float_macs for layer in twin) == macs
    assert {layer.kind for layer in twin} == {"float"}


def test_float_twin_of_a_packed_file(tmp_path: Any) -> None:
    source, packed = bnn_engine.models.path("mnist-bcnn"), tmp_path / "packed.onnx"
    bnn_engine.load(source).save(packed)
    images = digits().images[:50]
    np.testing.assert_array_equal(
        load_float(packed).predict(images), load_float(source).predict(images)
    )


def test_latencies_are_complete_and_in_turns() -> None:
    calls: list[str] = []
    told: list[int] = []

    def candidate(name: str) -> Callable[[], None]:
        return lambda: calls.append(name)

    names = ("a", "b")
    seconds = interleaved_latencies(
        {name: candidate(name) for name in names}, 60, warmup_runs=2, progress=told.append
    )
    assert {name: times.shape for name, times in seconds.items()} == {"a": (60,), "b": (60,)}
    assert all((times >= 0).all() for times in seconds.values())
    assert calls == [*"aabb", *"a" * 25, *"b" * 25, *"a" * 25, *"b" * 25, *"a" * 10, *"b" * 10]
    assert sum(told) == 120
