import numpy as np
import pytest

from bnn_engine.passes.grids import MAX_RELATIVE_SPREAD, input_grids


@pytest.mark.parametrize(
    ("values", "scale", "levels"),
    [
        ([-1, 1], 1, (-1, 1)),
        ([-0.3, 0.3], 0.3, (-1, 1)),
        ([0, 1], 1, (0, 1)),
        ([-0.7, 0], 0.7, (-1, 0)),
        ([0, 1 / 3, 2 / 3, 1], 1 / 3, (0, 1, 2, 3)),
        ([-1, -1 / 3, 1 / 3, 1], 1 / 3, (-3, -1, 1, 3)),
        ([-0.5, 0, 0.5, 1], 0.5, (-1, 0, 1, 2)),
        ([0, 0.5, 2], 0.5, (0, 1, 4)),
        ([0.4], 0.4, (1,)),
        ((np.arange(16) - 15) / 15, 1 / 15, tuple(range(-15, 1))),
    ],
)
def test_steps_times_integers(values: list[float], scale: float, levels: tuple[int, ...]) -> None:
    grid = input_grids(np.array(values, np.float32))[0]
    assert grid.levels == levels
    assert grid.offset == 0
    assert grid.scale == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0.123, 0.456], (-1, 1)),
        ([-0.2, 0.1237, 0.4474], (-3, -1, 1)),
        ([-0.31, 0.1, 0.51, 0.92], (-3, -1, 1, 3)),
        (0.0317 + np.arange(16) / 7, tuple(range(-15, 16, 2))),
        ([-0.1875, 0.8125], (-1, 1)),
    ],
)
def test_offsets_that_save_planes(values: list[float], levels: tuple[int, ...]) -> None:
    numbers = np.array(values, np.float32)
    grid = input_grids(numbers)[0]
    assert grid.levels == levels
    found = grid.offset.astype(np.float64) + grid.scale.astype(np.float64) * np.array(levels)
    assert np.abs(found - numbers).max() <= MAX_RELATIVE_SPREAD * np.abs(numbers).max()


@pytest.mark.parametrize("values", [[0], [0, 0.1234, 1], [0, 1, 16.5], [-8.2, 0, 8.8]])
def test_numbers_on_no_grid(values: list[float]) -> None:
    assert input_grids(np.array(values, np.float32)) == []


def test_a_grid_through_zero_is_the_second_choice() -> None:
    saving, through_zero = input_grids(np.array([-0.1875, 0.8125], np.float32))
    assert saving.offset != 0
    assert through_zero.offset == 0
    assert through_zero.levels == (-3, 13)
