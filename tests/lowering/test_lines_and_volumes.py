"""Arithmetic per channel, and moving channels, for tensors of 3 to 5 axes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, model_from_text, signs

EXTENTS = [(7,), (5, 4), (3, 5, 4)]
CHANNELS, OUTPUTS = 6, 9


def constants(spatial: tuple[int, ...]) -> dict[str, Array]:
    random = np.random.default_rng(len(spatial))
    ones = (1,) * len(spatial)
    made: dict[str, Array] = {
        name: random.uniform(-1, 1, OUTPUTS).astype(np.float32) for name in ("p", "q", "m")
    }
    made["v"] = random.uniform(0.5, 2, OUTPUTS).astype(np.float32)
    made["slope"] = made["p"].reshape(OUTPUTS, *ones)
    made["half"] = np.full(1, 0.5, np.float32)
    made["w"] = signs(random, (OUTPUTS, CHANNELS, *ones))
    return made


def images(batch: int, *extents: int) -> Array:
    found = np.random.default_rng(0).normal(size=(batch, *extents)).astype(np.float32)
    found.flat[::5] = 0
    return found


def dims(*extents: int) -> str:
    return ", ".join(map(str, extents))


TAILS = {
    "norm": "y = BatchNormalization(c, p, q, m, v)",
    "several": "n = BatchNormalization(c, p, q, m, v)  r = PRelu(n, slope)  y = Mul(r, half)",
    "uniform": "r = Relu(c)  y = Add(r, half)",
    "twice": "n = PRelu(c, slope)  r = Neg(n)  y = BatchNormalization(r, p, q, m, v)",
}


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("spatial", EXTENTS)
def test_after_a_layer(spatial: tuple[int, ...], tail: str, batch: int) -> None:
    """The layer leaves its channels last."""
    text = (
        f"g (float[N, {dims(CHANNELS, *spatial)}] x) => (float[N, {dims(OUTPUTS, *spatial)}] y) "
        f"{{ s = Sign(x)  c = Conv(s, w)  {TAILS[tail]} }}"
    )
    model = model_from_text(text, constants(spatial))
    assert_equal_answers(model, {"x": images(batch, CHANNELS, *spatial)})


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("spatial", EXTENTS)
def test_of_the_input(spatial: tuple[int, ...], tail: str) -> None:
    """The input has its channels first."""
    shape = dims(OUTPUTS, *spatial)
    text = f"g (float[N, {shape}] c) => (float[N, {shape}] y) {{ {TAILS[tail]} }}"
    model = model_from_text(text, constants(spatial))
    assert_equal_answers(model, {"c": images(2, OUTPUTS, *spatial)})


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("spatial", EXTENTS)
def test_channels_moved_to_the_end_and_back(spatial: tuple[int, ...], batch: int) -> None:
    axes = len(spatial)
    first, last = [0, axes + 1, *range(1, axes + 1)], [0, *range(2, axes + 2), 1]
    text = (
        f"g (float[N, {dims(*spatial, CHANNELS)}] x) => (float[N, {dims(*spatial, OUTPUTS)}] y) "
        f"{{ f = Transpose<perm={first}>(x)  s = Sign(f)  c = Conv(s, w) "
        f"n = BatchNormalization(c, p, q, m, v)  t = Transpose<perm={last}>(n)  y = Neg(t) }}"
    )
    engine = assert_equal_answers(
        model_from_text(text, constants(spatial)), {"x": images(batch, *spatial, CHANNELS)}
    )
    moved = [row for row in engine.summary().layers if row.op == "Transpose"]
    assert [row.kernel for row in moved] == [""] * len(moved)  # nothing runs


@pytest.mark.parametrize("spatial", EXTENTS)
def test_other_orders(spatial: tuple[int, ...]) -> None:
    order = [0, *range(1, len(spatial) + 2)[::-1]]
    text = (
        f"g (float[N, {dims(CHANNELS, *spatial)}] x) => (float[N, ...] y, float[N, ...] z) "
        f"{{ s = Sign(x)  c = Conv(s, w)  y = Transpose<perm={order}>(c) "
        f"z = Transpose<perm={order}>(x) }}"
    ).replace("[N, ...]", "[" + dims(*"N", *"abcd"[: len(spatial) + 1]) + "]")
    model = model_from_text(text, constants(spatial))
    assert_equal_answers(model, {"x": images(2, CHANNELS, *spatial)})
