"""Models that contradict themselves: refused, or run as far as they make sense, never a crash."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import bnn_engine
from bnn_engine import BnnError, ModelFormatError
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


@pytest.mark.parametrize("axis", [-(2**63), -(2**31), 65, 2**62])
@pytest.mark.parametrize("op", ["LayerNormalization(x, s)", "Softmax(x)", "ReduceSumSquare(x)"])
def test_axes_that_no_tensor_has_are_refused(op: str, axis: int) -> None:
    """Bodies of functions count from one axis to another, and would fill the memory."""
    attribute = f"axis = {axis}" if "Reduce" not in op else f"axes = [{axis}]"
    text = op.replace("(", f"<{attribute}>(")
    model = model_from_text(
        f"g (float[N, 3, 5] x) => (float[] y) {{ y = {text} }}",
        {"s": np.ones(5, np.float32)},
        opset=17,
    )
    with pytest.raises(ModelFormatError, match="no tensor has so many axes"):
        bnn_engine.load(model)


@pytest.mark.parametrize("scale", [3e38, 1e9])
def test_huge_scales_are_no_crash(scale: float) -> None:
    model = model_from_text(
        'g (float[1, 1, 4, 4] x) => (float[] y) { y = Resize<mode = "nearest">(x, , s) }',
        {"s": np.array([1, 1, scale, 1], np.float32)},
    )
    with pytest.raises(BnnError):
        bnn_engine.load(model).predict(np.zeros((1, 1, 4, 4), np.float32))


@pytest.mark.parametrize("heads", [2**62, 2**63 - 1])
def test_extents_beyond_64_bits_are_no_crash(heads: int) -> None:
    model = model_from_text(
        f"""g (float[1, 2, 8] q, float[1, 3, 8] k, float[1, 3, 8] v) => (float[] y) {{
            y = Attention<q_num_heads = {heads}, kv_num_heads = 1>(q, k, v)
        }}""",
        opset=23,
    )
    feeds = {name: np.zeros((1, 3 - (name == "q"), 8), np.float32) for name in "qkv"}
    with pytest.raises(BnnError):
        bnn_engine.load(model).run(feeds)


@pytest.mark.parametrize("window", ["strides = [0, 1]", "strides = [2]", "dilations = [1, 0]"])
@pytest.mark.parametrize("op", ["Conv<", "MaxPool<kernel_shape = [2, 2], "])
def test_automatic_padding_of_windows_that_make_no_sense(op: str, window: str) -> None:
    operands = "x, w" if op == "Conv<" else "x"
    model = model_from_text(
        f"""g (float[1, 2, 6, 6] x) => (float[] y) {{
            y = {op}auto_pad = "SAME_UPPER", {window}>({operands})
        }}""",
        {"w": np.ones((3, 2, 2, 2), np.float32)} if op == "Conv<" else {},
    )
    with contextlib.suppress(BnnError):
        bnn_engine.load(model).predict(np.zeros((1, 2, 6, 6), np.float32))
