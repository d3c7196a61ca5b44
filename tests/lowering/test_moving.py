"""Ops that move elements give ONNX Runtime's bits, natively, for every element type."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

Array = NDArray[Any]

ONNX_NAMES = {
    "float32": "float",
    "float64": "double",
    "float16": "float16",
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "int64": "int64",
    "uint64": "uint64",
    "bool": "bool",
}

CONSTANTS: dict[str, Array] = {
    "i1": np.array([1]),
    "i12": np.array([1, -2]),
    "axes": np.array([3, -2]),
    "starts": np.array([-1, 1]),
    "ends": np.array([-100, 1000]),
    "steps": np.array([-2, 2]),
    "far": np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).min]),
    "back": np.array([-1, -1]),
    "pads": np.array([0, 1, 0, 2, 0, 0, 3, 1]),
    "crop": np.array([0, -1, 1, 2, 0, 0, -2, 1]),
    "hw": np.array([1, 2, 0, 3]),
    "hw_axes": np.array([-2, 3]),
    "repeats": np.array([1, 2, 1, 3]),
    "shape": np.array([3, 1, 1]),
    "wide": np.array([2, 3, 4, 7]),
    "list": np.array([3, 0, 0, -1]),
    "table": np.array([[0, 1], [-1, 2]]),
    "scalar": np.array(2),
    "last": np.array(-1),
    "sizes": np.array([1, 3]),
}

BODIES = {
    "concat 1": "y = Concat<axis=1>(x, x)",
    "concat -1": "y = Concat<axis=-1>(x, x, x)",
    "slice": "y = Slice(x, starts, ends, axes, steps)",
    "slice from the end": "y = Slice(x, back, ends, axes, steps)",
    "slice to far ends": "y = Slice(x, i12, far, axes)",
    "slice nothing": "y = Slice(x, i1, i1, i1)",
    "pad": "y = Pad(x, pads)",
    "pad and crop": "y = Pad(x, crop)",
    "pad axes": "y = Pad(x, hw, , hw_axes)",
    "tile": "y = Tile(x, repeats)",
    "expand": "s = Slice(x, i0, i1, i3) y = Expand(s, wide)",
    "gather": "y = Gather<axis=2>(x, list)",
    "gather one": "y = Gather<axis=2>(x, scalar)",
    "gather the last": "y = Gather<axis=3>(x, last)",
    "gather a table": "y = Gather<axis=-1>(x, table)",
    "split": "a, b = Split<axis=2>(x, sizes) y = Concat<axis=2>(b, a)",
    "split in equal parts": "a, b = Split<axis=2, num_outputs=2>(x) y = Concat<axis=0>(b, a)",
    "transpose": "y = Transpose<perm=[0, 2, 3, 1]>(x)",
    "transpose all": "y = Transpose(x)",
    "flatten": "y = Flatten<axis=2>(x)",
    "flatten all": "y = Flatten<axis=0>(x)",
    "squeeze": "s = Slice(x, i0, i1, i3) y = Squeeze(s, i3)",
    "unsqueeze": "y = Unsqueeze(x, axes)",
    "constants": "y = Concat<axis=0>(k, x, k)",
}
CONSTANTS.update({"i0": np.array([0]), "i3": np.array([3])})


def values(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    random = np.random.default_rng(0)
    if dtype.kind == "f":
        return random.normal(size=shape).astype(dtype)
    low = 0 if dtype.kind in "ub" else -100
    return random.integers(low, 2 if dtype.kind == "b" else 100, shape).astype(dtype)


def moving_model(dtype: str, shape: tuple[int, ...], body: str) -> onnx.ModelProto:
    kind = ONNX_NAMES[dtype]
    extents = ", ".join(map(str, shape))
    constants = {**CONSTANTS, "k": values(np.dtype(dtype), shape)[::-1].copy()}
    used = {name: array for name, array in constants.items() if name in body}
    return model_from_text(f"g ({kind}[{extents}] x) => ({kind}[] y) {{ {body} }}", used)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "bool"])
def test_moving(dtype: str, body: str) -> None:
    shape = (2, 3, 4, 5)
    if dtype == "bool" and body in ("pad axes",):
        pytest.skip("ONNX Runtime does not pad booleans without a value")
    x = values(np.dtype(dtype), shape)
    assert_equal_answers(moving_model(dtype, shape, BODIES[body]), {"x": x})


@pytest.mark.parametrize(
    "dtype", ["float16", "uint8", "int16", "uint16", "int32", "uint32", "uint64"]
)
def test_concatenation_of_other_types(dtype: str) -> None:
    x = values(np.dtype(dtype), (2, 3, 4, 5))
    model = moving_model(dtype, x.shape, "y = Concat<axis=1>(x, x)")
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("body", BODIES)
def test_moving_of_channels_last_images(body: str) -> None:
    """Behind a pool, images lie channels last."""
    i = values(np.dtype(np.float32), (2, 3, 6, 7))
    model = moving_model("float32", (2, 3, 4, 5), BODIES[body])
    pool = onnx.helper.make_node("MaxPool", ["i"], ["x"], kernel_shape=[3, 3])
    model.graph.node.insert(0, pool)
    model.graph.input[0].CopyFrom(
        onnx.helper.make_tensor_value_info("i", onnx.TensorProto.FLOAT, i.shape)
    )
    assert_equal_answers(model, {"i": i})


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("image", [False, True])
def test_pad_modes(mode: str, image: bool) -> None:
    x = values(np.dtype(np.float32), (2, 3, 6, 7))
    first = "p = MaxPool<kernel_shape=[2, 2]>(x)" if image else "p = Identity(x)"
    model = moving_model("float32", x.shape, f'{first} y = Pad<mode="{mode}">(p, hw, , hw_axes)')
    assert_equal_answers(model, {"x": x})


def test_pad_with_a_value() -> None:
    x = values(np.dtype(np.int32), (2, 3, 4, 5))
    model = model_from_text(
        "g (int32[2, 3, 4, 5] x) => (int32[] y) { y = Pad(x, pads, v) }",
        {"pads": CONSTANTS["pads"], "v": np.array(-7, np.int32)},
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("op", ["DepthToSpace", "SpaceToDepth"])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_space_and_depth(op: str, mode: str) -> None:
    x = values(np.dtype(np.float32), (2, 12, 4, 6))
    attributes = f'blocksize=2, mode="{mode}"' if op == "DepthToSpace" else "blocksize=2"
    assert_equal_answers(moving_model("float32", x.shape, f"y = {op}<{attributes}>(x)"), {"x": x})


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 3, 0, 5)])
@pytest.mark.parametrize("body", ["concat 1", "pad", "tile", "transpose", "unsqueeze"])
def test_empty_tensors(shape: tuple[int, ...], body: str) -> None:
    x = np.zeros(shape, np.float32)
    assert_equal_answers(moving_model("float32", shape, BODIES[body]), {"x": x}, None)


def test_eight_axes() -> None:
    shape = (2, 1, 2, 3, 1, 2, 2, 2)
    x = values(np.dtype(np.float32), shape)
    body = "t = Transpose(x) s = Slice(t, i1, far1, i3) y = Concat<axis=5>(s, s)"
    model = model_from_text(
        f"g (float[{', '.join(map(str, shape))}] x) => (float[] y) {{ {body} }}",
        {"i1": np.array([1]), "far1": np.array([9]), "i3": np.array([4])},
    )
    assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("batch", [1, 5])
def test_rows_of_a_batch(batch: int) -> None:
    model = model_from_text(
        """g (float[N, 3, 4, 5] x) => (float[] y) {
            a = Slice(x, i1, far, i1) b = Concat<axis=1>(a, x) c = Pad(b, hw, , hw_axes)
            d, e = Split<axis=1>(c, split) f = Tile(d, repeats) g = Gather<axis=1>(f, list)
            y = Squeeze(g, i1) }""",
        {
            **CONSTANTS,
            "far": np.array([9]),
            "split": np.array([1, 4]),
            "list": np.array([1]),
        },
    )
    x = values(np.dtype(np.float32), (batch, 3, 4, 5))
    assert_equal_answers(model, {"x": x})


HOSTILE = [
    "y = Slice(x, i1, i1, i1, zero)",
    "y = Tile(x, many)",
    "y = Pad(x, huge)",
    "y = Gather<axis=3>(x, outside)",
    "y = Expand(x, manyhalf)",
]


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_numbers_are_errors(body: str) -> None:
    constants = {
        "i1": np.array([1]),
        "zero": np.array([0]),
        "many": np.array([1, 1, 1 << 40, 1 << 40]),
        "huge": np.array([0, 0, 0, 1 << 60, 0, 0, 0, 1 << 60]),
        "outside": np.array([5]),
        "manyhalf": np.array([1 << 40, 1, 1, 1]),
    }
    used = {name: array for name, array in constants.items() if name in body}
    model = model_from_text(f"g (float[1, 1, 1, 5] x) => (float[] y) {{ {body} }}", used)
    with pytest.raises(bnn_engine.BnnError):
        bnn_engine.load(model, fallback="error").predict(np.zeros((1, 1, 1, 5), np.float32))
