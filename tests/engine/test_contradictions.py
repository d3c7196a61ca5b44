"""Models that contradict themselves: refused, or run as far as they make sense, never a crash."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import bnn_engine
from bnn_engine import BnnError
from tests.support.onnx_models import Array, model_from_text

SHAPE = "float[2, 3, 4, 4]"
CONSTANTS: dict[str, Array] = {
    "double": np.array([0.1]),
    "three": np.ones(3, np.float32),
    "two": np.ones(2, np.float32),
    "none": np.ones(0, np.float32),
    "frame": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "weights": np.ones((7, 10), np.float32),
}
BODIES = [
    "t = Transpose<perm = [0, 1]>(x)  y = Transpose<perm = [0, 2, 3, 1]>(t)",
    "g = Greater(x, three)  n = Neg(g)  c = Cast<to = 1>(n)  y = Sign(c)",
    "n = Not(x)  c = Cast<to = 1>(n)  y = Sign(c)",
    "s = Sign(x)  a = Add(s, double)  y = Sign(a)",
    "y = BatchNormalization(x, three, three, none, three)",
    "y = BatchNormalization(x, two, two, two, two)",
    "r = Relu(x)  n = BatchNormalization(r, two, two, two, two)  y = Sign(n)",
    "s = Sign(x)  y = Pad(s, frame, three)",
    "f = Flatten(x)  y = Gemm<transB = 1>(f, weights)",
    "p = MaxPool<kernel_shape = [2, 2]>(x)  f = Flatten(p)  y = Gemm<transB = 1>(f, weights)",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("rank", [3, 4])
def test_contradictions(body: str, rank: int) -> None:
    shape = SHAPE if rank == 4 else "float[2, 3, 4]"
    model = model_from_text(f"g ({shape} x) => (float[] y) {{ {body} }}", CONSTANTS)
    with contextlib.suppress(BnnError):
        engine = bnn_engine.load(model)
        engine.run({"x": np.ones([2, 3, 4, 4][:rank], np.float32)})
