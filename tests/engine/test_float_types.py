"""Whole networks in float16, bfloat16 and double."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

import bnn_engine
from tests.support import ort
from tests.support.onnx_models import model_from_text

Array = NDArray[Any]

NETWORK = """g ({0}[N, 3, 16, 16] x) => ({0}[N, 10] y) {{
    a = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)
    b = BatchNormalization(a, s, s, s, v)
    r = Relu(b)
    p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)
    d = Conv<pads = [1, 1, 1, 1]>(p, w2)
    e = Sigmoid(d)
    q = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(e)
    g = GlobalAveragePool(q)
    f = Flatten(g)
    h = Gemm<transB = 1>(f, w3, b3)
    y = Softmax<axis = 1>(h)
}}"""


def network(kind: str, dtype: np.dtype[Any]) -> onnx.ModelProto:
    random = np.random.default_rng(0)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "s": (8,), "w2": (8, 8, 3, 3), "w3": (10, 8)}
    constants: dict[str, Array] = {
        name: (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(dtype)
        for name, shape in {**shapes, "b3": (10,)}.items()
    }
    constants["v"] = random.uniform(0.5, 2, 8).astype(dtype)
    return model_from_text(NETWORK.format(kind), constants)


def images(dtype: np.dtype[Any]) -> Array:
    return np.random.default_rng(1).normal(size=(4, 3, 16, 16)).astype(dtype)


def test_float16_as_onnx_runtime() -> None:
    model = network("float16", np.dtype(np.float16))
    engine, x = bnn_engine.load(model), images(np.dtype(np.float16))
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    found, wanted = engine.predict(x), ort.run(model, {"x": x})["y"]
    assert found.dtype == np.float16
    # Probabilities below 1/4: three units in the last place.
    np.testing.assert_allclose(found.astype(np.float64), wanted.astype(np.float64), atol=2**-11)


def test_bfloat16_is_near_float32() -> None:
    """ONNX Runtime has no bfloat16 on CPUs: the same weights in float32 are the measure."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = np.dtype(ml_dtypes.bfloat16)
    model = network("bfloat16", dtype)
    wide = network("float", dtype)
    narrow = [(t.name, onnx.numpy_helper.to_array(t)) for t in wide.graph.initializer]
    del wide.graph.initializer[:]
    wide.graph.initializer.extend(
        onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in narrow
    )
    engine, x = bnn_engine.load(model), images(dtype)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    found = engine.predict(x)
    assert found.dtype == dtype
    wanted = ort.run(wide, {"x": x.astype(np.float32)})["y"]
    # Eleven roundings to 8 bits of numbers below 1, each off by 2**-9 at most.
    np.testing.assert_allclose(found.astype(np.float32), wanted, atol=11 * 2**-9)


def test_double_is_computed_in_double() -> None:
    model = network("double", np.dtype(np.float64))
    x = images(np.dtype(np.float64))
    found = bnn_engine.load(model).predict(x)
    assert found.dtype == np.float64
    wanted: Any = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_allclose(found, wanted[0], rtol=1e-12)
