"""Convolution and pooling in NumPy against ONNX Runtime, which has them for float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bnn_engine.graph.windows import WINDOW_OPS
from tests.support import ort

Array = NDArray[Any]
CASES = 40


def expected(
    op_type: str, arrays: list[Array], attributes: dict[str, Any], num: int
) -> list[Array]:
    names, outputs = [f"x{i}" for i in range(len(arrays))], [f"y{i}" for i in range(num)]
    infos = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape)
        for name, array in zip(names, arrays, strict=True)
    ]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(op_type, names, outputs, **attributes)],
        "g",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10
    )
    return list(ort.run(model, dict(zip(names, arrays, strict=True))).values())


def window(random: np.random.Generator, rank: int, dilated: bool) -> dict[str, Any]:
    """Random attributes; padding smaller than the window, as ONNX Runtime wants it."""
    kernel = random.integers(1, 4, rank)
    attributes: dict[str, Any] = {
        "kernel_shape": kernel.tolist(),
        "strides": random.integers(1, 4, rank).tolist(),
    }
    if dilated:
        attributes["dilations"] = random.integers(1, 3, rank).tolist()
    style = random.choice(["NOTSET", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if style == "pads":
        attributes["pads"] = (random.integers(0, 3, 2 * rank) % np.tile(kernel, 2)).tolist()
    elif style != "NOTSET" and not dilated:
        attributes["auto_pad"] = str(style)
    return attributes


def image(random: np.random.Generator, channels: int, rank: int) -> Array:
    sizes = random.integers(6, 11, rank)
    return random.normal(size=(2, channels, *sizes)).astype(np.float32)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool", "LpPool"])
def test_pooling(op_type: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    rank = int(random.integers(1, 4))
    attributes = window(random, rank, dilated=bool(random.integers(2)))
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = int(random.integers(2))
    if op_type == "LpPool":
        attributes["p"] = int(random.integers(1, 4))
        attributes.pop("ceil_mode", None)  # ONNX Runtime's LpPool ignores it
    if op_type == "AveragePool":
        attributes["count_include_pad"] = int(random.integers(2))
    if op_type == "MaxPool" and rank == 2:
        attributes["storage_order"] = int(random.integers(2))
    x = image(random, 3, rank)
    num = 2 if op_type == "MaxPool" else 1
    wanted = expected(op_type, [x], attributes, num)
    found = WINDOW_OPS[op_type]([x], attributes)
    for got, reference in zip(found, wanted, strict=True):
        assert (got.dtype, got.shape) == (reference.dtype, reference.shape)
        np.testing.assert_allclose(got, reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
def test_convolution(op_type: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    rank, groups = int(random.integers(1, 4)), int(random.integers(1, 3))
    attributes = window(random, rank, dilated=bool(random.integers(2)))
    attributes["group"] = groups
    x = image(random, 2 * groups, rank)
    shape = (3 * groups, 2) if op_type == "Conv" else (2 * groups, 3)
    weights = random.integers(-4, 5, (*shape, *attributes["kernel_shape"])).astype(np.float32)
    x = np.round(4 * x)  # integers: sums are exact in any order
    arrays = [x, weights]
    if random.integers(2):
        arrays.append(random.integers(-4, 5, 3 * groups).astype(np.float32))
    if op_type == "ConvTranspose" and "auto_pad" not in attributes and random.integers(2):
        strides = attributes["strides"]
        attributes["output_padding"] = [int(random.integers(0, stride)) for stride in strides]
    (wanted,) = expected(op_type, arrays, attributes, 1)
    (got,) = WINDOW_OPS[op_type](arrays, attributes)
    np.testing.assert_array_equal(got, wanted)
    (double,) = WINDOW_OPS[op_type]([array.astype(np.float64) for array in arrays], attributes)
    assert double.dtype == np.float64
    np.testing.assert_array_equal(double, wanted)


def test_half_precision_sums_are_rounded_once() -> None:
    x = np.full((1, 4096, 1), 1, np.float16)
    weights = np.full((1, 4096, 1), 1, np.float16)
    (y,) = WINDOW_OPS["Conv"]([x, weights, np.array([3], np.float16)], {})
    assert y.dtype == np.float16
    assert y.item() == np.float16(4099)


def test_max_pool_ignores_nan_as_onnx_runtime_does() -> None:
    x = np.array([[[np.nan, 1, 2, np.nan]]], np.float32)
    attributes = {"kernel_shape": [2], "strides": [2]}
    np.testing.assert_array_equal(WINDOW_OPS["MaxPool"]([x], attributes)[0], [[[1, 2]]])


def test_max_pool_of_bfloat16() -> None:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16)
    x = np.array([[[-3, -2, 5, np.nan]]], dtype)
    attributes = {"kernel_shape": [2], "strides": [2]}
    y = WINDOW_OPS["MaxPool"]([x], attributes)[0]
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y.astype(np.float32), [[[-2, 5]]])
