"""Ops that sum and normalize along axes, within bounds derived from the length of the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.answers import assert_equal_answers, assert_within
from tests.support.bounds import SLACK, Bounded, gamma
from tests.support.onnx_models import model_from_text

Floats = NDArray[np.float32]
SHAPE = (3, 5, 4, 6)


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def shape_text(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def reduced(op: str, x: NDArray[np.float64], axes: tuple[int, ...] | None, keep: bool) -> Bounded:
    """The exact result, and gamma of the length for the sum of magnitudes."""
    count = x.size if axes is None else int(np.prod([x.shape[axis] for axis in axes]))
    slack = gamma(count + SLACK)

    def total(array: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(array.sum(axis=axes, keepdims=keep))

    match op:
        case "ReduceSum":
            return Bounded(total(x), slack * total(np.abs(x)))
        case "ReduceMean":
            return Bounded(total(x) / count, slack * total(np.abs(x)) / count)
        case "ReduceL1":
            return Bounded(total(np.abs(x)), slack * total(np.abs(x)))
        case "ReduceSumSquare":
            return Bounded(total(x * x), slack * total(x * x))
        case "ReduceL2":
            return Bounded(np.sqrt(total(x * x)), slack * np.sqrt(total(x * x)))
        case "ReduceLogSum":
            value = total(np.abs(x))
            return Bounded(np.log(value), slack * (1 + np.abs(np.log(value))))
        case "ReduceLogSumExp":
            value = np.log(total(np.exp(x)))
            return Bounded(value, slack * (1 + np.abs(value)))
        case "ReduceProd":
            value = np.asarray(x.prod(axis=axes, keepdims=keep))
            return Bounded(value, slack * np.abs(value))
        case _:
            fold = x.max if op == "ReduceMax" else x.min
            value = np.asarray(fold(axis=axes, keepdims=keep))
            return Bounded(value, np.zeros(value.shape))


REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize(
    "axes", [None, (0,), (1,), (3,), (2, 3), (1, 2), (0, 3), (1, 3), (0, 1, 2, 3)]
)
def test_reductions(op: str, keep: int, axes: tuple[int, ...] | None) -> None:
    x = np.abs(normal(*SHAPE)) if op == "ReduceLogSum" else normal(*SHAPE)
    if op == "ReduceProd":
        x = 1 + x / 8  # products of many neither overflow nor vanish
    listed = "" if axes is None else ", axes"
    constants = {} if axes is None else {"axes": np.array(axes)}
    call = f"{op}<keepdims={keep}>(x{listed})"
    text = f"g (float[{shape_text(SHAPE)}] x) => (float[] y) {{ y = {call} }}"
    model = model_from_text(text, constants)
    assert_within(model, {"x": x}, reduced(op, x.astype(np.float64), axes, bool(keep)))


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("axes", [(1,), (2, 3), (3,), (1, 2)])
def test_reductions_of_channels_last_images(op: str, axes: tuple[int, ...]) -> None:
    x = np.abs(normal(2, 5, 6, 7))
    model = model_from_text(
        f"""g (float[N, 5, 6, 7] x) => (float[] y) {{
            p = MaxPool<kernel_shape=[3, 2]>(x) y = {op}<keepdims=0>(p, axes) }}""",
        {"axes": np.array(axes)},
    )
    pooled = ort.run(ort.with_outputs(model, ["p"]), {"x": x})["p"]
    assert_within(model, {"x": x}, reduced(op, pooled.astype(np.float64), axes, False))


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 1001])
def test_lengths_of_lines(length: int) -> None:
    x = normal(2, length)
    model = model_from_text(
        f"g (float[N, {length}] x) => (float[] y) {{ y = ReduceSum(x, one) }}",
        {"one": np.array([1])},
    )
    assert_within(model, {"x": x}, reduced("ReduceSum", x.astype(np.float64), (1,), True))


def test_no_axes_and_nothing_to_do() -> None:
    x = normal(*SHAPE)
    text = "y = ReduceSum<noop_with_empty_axes=1>(x)"
    model = model_from_text(f"g (float[{shape_text(SHAPE)}] x) => (float[] y) {{ {text} }}")
    np.testing.assert_array_equal(bnn_engine.load(model).predict(x), x)


@pytest.mark.parametrize(
    "op", ["ReduceMax", "ReduceMin", "ReduceSum", "ReduceMean", "ReduceLogSumExp"]
)
def test_special_numbers(op: str) -> None:
    inf, nan = np.inf, np.nan
    rows = [
        [inf, 1, 2],
        [-inf, 1, 2],
        [inf, -inf, 0],
        [-inf, -inf, -inf],
        [nan, 1, inf],
        [1, 2, nan],
    ]
    x = np.array(rows, np.float32)
    model = model_from_text(
        f"g (float[N, 3] x) => (float[] y) {{ y = {op}<keepdims=0>(x, one) }}",
        {"one": np.array([1])},
    )
    (wanted,) = ort.run(model, {"x": x}).values()
    with np.errstate(all="ignore"):
        exact = {
            "ReduceMax": x.max(axis=1),
            "ReduceMin": x.min(axis=1),
        }.get(op, wanted)
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), exact, rtol=1e-6)


def test_sums_of_large_numbers_do_not_overflow_early() -> None:
    x = np.array([[3e38, 3e38, -3e38], [80, 90, 100]], np.float32)
    model = model_from_text(
        "g (float[N, 3] x) => (float[] y) { y = ReduceLogSumExp<keepdims=0>(x, one) }",
        {"one": np.array([1])},
    )
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), [3e38, 100.0000454], rtol=1e-6)


@pytest.mark.parametrize("axis", range(-4, 4))
@pytest.mark.parametrize("image", [False, True])
def test_hardmax(axis: int, image: bool) -> None:
    x = np.random.default_rng(1).integers(-3, 4, (2, 5, 6, 7)).astype(np.float32)
    first = "MaxPool<kernel_shape=[2, 2]>" if image else "Identity"
    model = model_from_text(
        f"g (float[2, 5, 6, 7] x) => (float[] y) {{ p = {first}(x) y = Hardmax<axis={axis}>(p) }}"
    )
    assert_equal_answers(model, {"x": x})


def normalized(
    x: NDArray[np.float64], axes: tuple[int, ...], epsilon: float, centered: bool = True
) -> Bounded:
    """(x - mean) / sqrt(variance + epsilon) over groups of elements along ``axes``."""
    count = int(np.prod([x.shape[axis] for axis in axes]))
    mean = x.mean(axis=axes, keepdims=True) if centered else 0.0
    scale = np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + epsilon)
    magnitude = (np.abs(x) + np.abs(x).mean(axis=axes, keepdims=True)) / scale
    value = (x - mean) / scale
    spread = (np.abs(x) ** 2).mean(axis=axes, keepdims=True) / scale**2
    return Bounded(value, gamma(count + SLACK) * (magnitude + np.abs(value) * spread))


def scaled(x: Bounded, scale: Any, bias: Any) -> Bounded:
    value = x.value * scale + bias
    return Bounded(value, x.error * np.abs(scale) + gamma(SLACK) * (np.abs(value) + np.abs(bias)))


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 4), (2, 6, 3, 2, 4)])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_instance_and_group_normalization(shape: tuple[int, ...], groups: int) -> None:
    x, scale, bias = normal(*shape), normal(6, seed=1), normal(6, seed=2)
    instance = groups == 6
    op = "InstanceNormalization" if instance else f"GroupNormalization<num_groups={groups}>"
    model = model_from_text(
        f"g (float[N, {shape_text(shape[1:])}] x) => (float[] y) {{ y = {op}(x, scale, bias) }}",
        {"scale": scale, "bias": bias},
    )
    grouped = x.astype(np.float64).reshape(shape[0], groups, -1)
    bounded = normalized(grouped, (2,), 1e-5)
    along = (6, *[1] * (len(shape) - 2))
    bounded = Bounded(bounded.value.reshape(shape), bounded.error.reshape(shape))
    assert_within(model, {"x": x}, scaled(bounded, scale.reshape(along), bias.reshape(along)))


@pytest.mark.parametrize("op", ["LayerNormalization", "RMSNormalization"])
@pytest.mark.parametrize("axis", [-1, 1, -2])
@pytest.mark.parametrize("with_bias", [False, True])
def test_layer_normalization(op: str, axis: int, with_bias: bool) -> None:
    shape = (3, 4, 7)
    x, behind = normal(*shape), shape[axis:]
    if op == "RMSNormalization" and with_bias:
        pytest.skip("it has no bias")
    constants = {"scale": normal(*behind, seed=1)}
    if with_bias:
        constants["bias"] = normal(*behind, seed=2)
    operands = ", ".join(["x", *constants])
    opset = 23 if op == "RMSNormalization" else 21
    model = model_from_text(
        f"""g (float[N, 4, 7] x) => (float[] y) {{
            y = {op}<axis={axis}, epsilon=0.001>({operands}) }}""",
        constants,
        opset,
    )
    axes = tuple(range(axis % 3, 3))
    bounded = normalized(x.astype(np.float64), axes, 1e-3, op == "LayerNormalization")
    exact = scaled(bounded, constants["scale"].astype(np.float64), constants.get("bias", 0.0))
    assert_within(model, {"x": x}, exact)


def test_layer_normalization_of_computed_parameters() -> None:
    x, scale, bias = normal(3, 4, 7), normal(7, seed=1), normal(7, seed=2)
    model = model_from_text(
        """g (float[N, 4, 7] x, float[7] s) => (float[] y) {
            t = Neg(s) y = LayerNormalization(x, t, b) }""",
        {"b": bias},
    )
    bounded = normalized(x.astype(np.float64), (2,), 1e-5)
    exact = scaled(bounded, scale.astype(np.float64), bias.astype(np.float64))
    assert_within(model, {"x": x, "s": -scale}, exact)


@pytest.mark.parametrize("size", [1, 3, 5, 13])
@pytest.mark.parametrize("image", [False, True])
def test_local_response_normalization(size: int, image: bool) -> None:
    x = normal(2, 7, 5, 4)
    first = "Relu(x)" if not image else "MaxPool<kernel_shape=[1, 1]>(x)"
    model = model_from_text(
        f"""g (float[N, 7, 5, 4] x) => (float[] y) {{
            p = {first} y = LRN<size={size}, alpha=0.5, beta=0.6, bias=1.5>(p) }}"""
    )
    p = (x if image else np.maximum(x, 0)).astype(np.float64)
    squares = np.zeros(p.shape)
    for c in range(7):
        low, high = max(0, c - (size - 1) // 2), min(6, c + size // 2)
        squares[:, c] = (p[:, low : high + 1] ** 2).sum(axis=1)
    value = p / (1.5 + 0.5 / size * squares) ** 0.6
    assert_within(model, {"x": x}, Bounded(value, gamma(size + SLACK) * np.abs(value)))
