import numpy as np
import pytest

from bnn_engine.passes.weight_rows import WeightRows, split_rows
from tests.support.onnx_models import Array, signs

RNG = np.random.default_rng(0)


def _split(weights: Array) -> WeightRows:
    found = split_rows(weights)
    assert isinstance(found, WeightRows)
    return found


def test_signs_and_their_scales() -> None:
    expected = signs(RNG, (4, 2, 3))
    scale = np.array([1, 0.3, 0, 1e-40], np.float32)
    found = _split(expected * scale[:, None, None])
    assert found.are_signs()
    assert found.offset is None
    np.testing.assert_array_equal(found.scale, scale)
    kept = [0, 1, 3]
    np.testing.assert_array_equal(found.levels[kept], expected[kept])


@pytest.mark.parametrize("step", [1.0, 0.3, 1e-3])
@pytest.mark.parametrize(
    "levels", [[-1, 0, 1], [0, 1], [-3, -1, 1, 3], [-2, -1, 0, 1], [-8, 7], [-15, 14]]
)
def test_integers_times_a_step(levels: list[int], step: float) -> None:
    expected = RNG.choice(np.array(levels), (5, 3, 40))
    expected[:, 0, : len(levels)] = levels  # so that no smaller integers do
    found = _split(expected.astype(np.float32) * np.float32(step))
    np.testing.assert_array_equal(found.levels, expected)
    np.testing.assert_allclose(found.scale, step, rtol=1e-6)


def test_rows_have_steps_of_their_own() -> None:
    weights = np.array([[0, 2, 2], [0.5, -0.5, 0], [3, 1, -3], [0, 0, 0]], np.float32)
    found = _split(weights)
    assert found.levels.tolist() == [[0, 1, 1], [1, -1, 0], [3, 1, -3], [1, 1, 1]]
    assert found.scale.tolist() == [2, 0.5, 1, 0]


def test_rows_of_zeros_and_negative_numbers_are_turned() -> None:
    found = _split(np.array([[0, -2], [0, 1], [-1, -1]], np.float32))
    assert found.levels.tolist() == [[0, 1], [0, 1], [-1, -1]]
    assert found.scale.tolist() == [-2, 1, 1]


@pytest.mark.parametrize(("spread", "accepted"), [(3.3e-7, True), (4.9e-7, True), (7e-7, False)])
@pytest.mark.parametrize("levels", [[-1, 1], [-1, 0, 1], [-3, -1, 1, 3]])
def test_nearly_constant_rows(levels: list[int], spread: float, accepted: bool) -> None:
    weights = RNG.choice(np.array(levels, np.float32), (3, 50))
    weights[:, :4] = levels[-1], levels[-1], levels[0], levels[0]
    weights[1] *= 0.25
    weights[1, 1] *= np.float32(1 + spread)
    assert isinstance(split_rows(weights), WeightRows) is accepted


def test_two_levels_that_are_not_opposite() -> None:
    sign = signs(RNG, (3, 4, 5))
    alpha = np.array([0.3, 1.1, 0.7], np.float32)[:, None, None]
    beta = np.array([0.123, -0.45, 0], np.float32)[:, None, None]
    found = _split(beta + alpha * sign)
    assert found.offset is not None
    np.testing.assert_array_equal(found.levels, sign)
    np.testing.assert_allclose(found.scale, alpha.ravel(), rtol=1e-6)
    np.testing.assert_allclose(found.offset, beta.ravel(), atol=1e-7)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([-1, 0.37, 1], "weights have 3 levels in row 1"),
        ([1, 0.123, -0.77, 1], "weights have 3 levels in row 1"),
        ([1, np.nan, 1], "weights are not finite in row 1"),
        ([1, np.inf, 1], "weights are not finite in row 1"),
    ],
)
def test_reasons(row: list[float], reason: str) -> None:
    first = [1.0, 1.0, -1.0, 1.0][: len(row)]
    assert split_rows(np.array([first, row], np.float32)) == reason


def test_random_weights_are_on_no_grid() -> None:
    for outputs, length in ((200, 9), (50, 3), (3, 1000)):
        weights = RNG.normal(size=(outputs, length)).astype(np.float32)
        assert split_rows(weights) == f"weights have {length} levels in row 0"


def test_other_types_and_empty_weights() -> None:
    assert split_rows(np.ones((2, 2))) == "weights are float64"
    assert split_rows(np.ones((2, 0), np.float32)) == "weights are empty"
