"""Products of two tensors that both are inputs, within the bound of a sum of their length."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.answers import assert_within
from tests.support.bounds import SLACK, Bounded, gamma
from tests.support.onnx_models import model_from_text

Floats = NDArray[np.float32]


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def product(a: Floats, b: Floats, factor: float = 1.0, shift: float = 0.0) -> Bounded:
    x, y = a.astype(np.float64), b.astype(np.float64)
    magnitude = abs(factor) * (np.abs(x) @ np.abs(y)) + abs(shift)
    return Bounded(factor * (x @ y) + shift, gamma(a.shape[-1] + SLACK) * magnitude)


def text_of(a: Floats, b: Floats, body: str) -> str:
    shapes = [", ".join(map(str, array.shape)) for array in (a, b)]
    return f"g (float[{shapes[0]}] a, float[{shapes[1]}] b) => (float[] y) {{ {body} }}"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 7), (7, 3)),
        ((1, 300), (300, 1)),
        ((70, 33), (33, 130)),
        ((2, 3, 4, 5), (2, 3, 5, 6)),
        ((2, 3, 4, 5), (5, 6)),
        ((4, 5), (2, 3, 5, 6)),
        ((2, 1, 4, 5), (3, 5, 6)),
        ((1, 3, 4, 5), (2, 1, 5, 6)),
        ((3, 4, 0), (3, 0, 2)),
        ((0, 4), (4, 2)),
    ],
)
def test_matmul(left: tuple[int, ...], right: tuple[int, ...], isa: str) -> None:
    del isa
    a, b = normal(*left), normal(*right, seed=1)
    model = model_from_text(text_of(a, b, "y = MatMul(a, b)"))
    assert_within(model, {"a": a, "b": b}, product(a, b))


@pytest.mark.parametrize("transposed", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("factors", [(1.0, 1.0), (0.5, -2.0), (1.0, 0.0)])
def test_gemm(transposed: tuple[int, int], factors: tuple[float, float]) -> None:
    a, b = normal(9, 21), normal(21, 37, seed=1)
    given = {"a": a.T.copy() if transposed[0] else a, "b": b.T.copy() if transposed[1] else b}
    attributes = (
        f"transA={transposed[0]}, transB={transposed[1]}, alpha={factors[0]}, beta={factors[1]}"
    )
    model = model_from_text(
        text_of(given["a"], given["b"], f"y = Gemm<{attributes}>(a, b, c)"),
        {"c": np.array([1.5], np.float32)},
    )
    assert_within(model, given, product(a, b, factors[0], factors[1] * 1.5))


def test_attention() -> None:
    """The two products of an attention layer, batched."""
    a, b = normal(2, 6, 8), normal(2, 6, 8, seed=1)
    model = model_from_text(
        """g (float[N, 6, 8] a, float[N, 6, 8] b) => (float[] y) {
            t = Transpose<perm=[0, 2, 1]>(b) y = MatMul(a, t) }"""
    )
    assert_within(model, {"a": a, "b": b}, product(a, b.transpose(0, 2, 1)))


def test_rows_meet_by_batch() -> None:
    a = normal(7, 3, 8)
    model = model_from_text(
        """g (float[N, 3, 8] a) => (float[] y) {
            t = Transpose<perm=[0, 2, 1]>(a) y = MatMul(a, t) }"""
    )
    assert_within(model, {"a": a}, product(a, a.transpose(0, 2, 1)))


@pytest.mark.parametrize("addend", [(), (1,), (37,), (9, 1), (9, 37)])
@pytest.mark.parametrize("constant", [False, True])
def test_addends(addend: tuple[int, ...], constant: bool) -> None:
    a, b, c = normal(9, 21), normal(21, 37, seed=1), np.asarray(normal(*addend, seed=2))
    extents = ", ".join(map(str, addend))
    operand = "" if constant else f", float[{extents}] c" if addend else ", float c"
    model = model_from_text(
        f"""g (float[9, 21] a, float[21, 37] b{operand}) => (float[] y) {{
            y = Gemm<alpha=0.5, beta=2.0>(a, b, c) }}""",
        {"c": c} if constant else {},
    )
    exact = product(a, b, 0.5)
    shift = 2.0 * c.astype(np.float64)
    bounded = Bounded(exact.value + shift, exact.error + gamma(SLACK) * np.abs(shift))
    feeds = {"a": a, "b": b} if constant else {"a": a, "b": b, "c": c}
    assert_within(model, feeds, bounded)


@pytest.mark.parametrize("shape", [(4, 7), (3, 4, 7), (2, 3, 4, 7)])
def test_constant_first_operand(shape: tuple[int, ...]) -> None:
    a, b = normal(*shape), normal(2, 3, 7, 5, seed=1)
    model = model_from_text("g (float[2, 3, 7, 5] b) => (float[] y) { y = MatMul(a, b) }", {"a": a})
    assert_within(model, {"b": b}, product(a, b))
