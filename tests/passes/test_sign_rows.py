import numpy as np
import pytest

from bnn_engine.ops import unpack_signs
from bnn_engine.passes.sign_rows import SignRows, split_sign_rows
from tests.support.onnx_models import signs

RNG = np.random.default_rng(0)


def test_scales_per_row() -> None:
    expected = signs(RNG, (4, 2, 3))
    scale = np.array([1, 0.3, 0, 1e-40], np.float32)
    found = split_sign_rows(expected * scale[:, None, None])
    assert isinstance(found, SignRows)
    np.testing.assert_array_equal(found.scale, scale)
    kept = [0, 1, 3]
    np.testing.assert_array_equal(unpack_signs(found.bits, [2, 3])[kept], expected[kept])


@pytest.mark.parametrize(("spread", "accepted"), [(3.3e-7, True), (4.9e-7, True), (7e-7, False)])
def test_nearly_constant_rows(spread: float, accepted: bool) -> None:
    weights = signs(RNG, (3, 50))
    weights[1] *= 0.25
    weights[1, 7] *= np.float32(1 + spread)
    assert isinstance(split_sign_rows(weights), SignRows) is accepted


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([-1, 0, 1], "weights have 3 levels in row 1"),
        ([0, 1, 1], "weights have 2 levels in row 1"),
        ([1, np.nan, 1], "weights are not finite in row 1"),
        ([1, np.inf, 1], "weights are not finite in row 1"),
    ],
)
def test_reasons(row: list[float], reason: str) -> None:
    assert split_sign_rows(np.array([[1, 1, -1], row], np.float32)) == reason


def test_other_types_and_empty_weights() -> None:
    assert split_sign_rows(np.ones((2, 2))) == "weights are float64"
    assert split_sign_rows(np.ones((2, 0), np.float32)) == "weights are empty"
