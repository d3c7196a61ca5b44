"""Compares the engine with ONNX Runtime on small models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.bounds import Bounded

Array = NDArray[Any]


def assert_equal_answers(
    model: onnx.ModelProto, feeds: Mapping[str, Array], executor: str | None = "native"
) -> bnn_engine.Engine:
    """Both give the same bits.

    Args:
        model: what both load.
        feeds: arrays by input name.
        executor: of every layer; None where it does not matter.

    Returns:
        The engine.
    """
    engine = bnn_engine.load(model)
    got, wanted = engine.run(feeds), ort.run(model, feeds)
    assert list(got) == list(wanted)
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array, err_msg=name)
    if executor is not None:
        assert {layer.executor for layer in engine.summary().layers} == {executor}
    return engine


def assert_within(
    model: onnx.ModelProto,
    feeds: Mapping[str, Array],
    bounded: Bounded,
    executor: str | None = "native",
) -> bnn_engine.Engine:
    """Both lie within the bound of the exact value of the one output; returns the engine."""
    engine = bnn_engine.load(model)
    (got,), (wanted,) = engine.run(feeds).values(), ort.run(model, feeds).values()
    assert got.shape == wanted.shape == bounded.value.shape
    for array in (wanted, got):
        excess = np.abs(array.astype(np.float64) - bounded.value) - bounded.error
        assert excess.max(initial=-np.inf) <= 0
    if executor is not None:
        assert {layer.executor for layer in engine.summary().layers} == {executor}
    return engine
