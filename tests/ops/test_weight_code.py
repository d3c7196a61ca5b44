import numpy as np
import pytest

from bnn_engine.ops import WeightCode, choose_code, pack_levels, unpack_levels


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([-1, 1], WeightCode((0,))),
        ([0, 1], WeightCode((0,), 1, halved=True)),
        ([-1, 0], WeightCode((0,), -1, halved=True)),
        ([-1, 0, 1], WeightCode((0, 0), halved=True)),
        ([-3, -1, 1, 3], WeightCode((0, 1))),
        ([-2, -1, 0, 1], WeightCode((0, 1), -1, halved=True)),
        ([0, 1, 2, 3], WeightCode((0, 1), 3, halved=True)),
        ([-2, 0, 2], WeightCode((0, 0, 1), halved=True)),
        ([-8, 7], WeightCode((0, 1, 2, 3), -1, halved=True)),
        ([-15, 15], WeightCode((0, 1, 2, 3))),
        ([-8, 8], None),
    ],
)
def test_cheapest_code(levels: list[int], code: WeightCode | None) -> None:
    assert choose_code(np.array(levels)) == code


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([0, 1], WeightCode((0, 0), halved=True)),
        ([-2, 1], WeightCode((0, 0, 1), halved=True)),
        ([-8, 7], WeightCode((0, 0, 1, 2, 3), halved=True)),
        ([-9, 0], None),
    ],
)
def test_codes_without_a_constant(levels: list[int], code: WeightCode | None) -> None:
    assert choose_code(np.array(levels), constant=False) == code


@pytest.mark.parametrize("constant", [True, False])
def test_every_range_is_packed_losslessly(constant: bool) -> None:
    rng = np.random.default_rng(0)
    chosen = 0
    for low in range(-15, 16):
        for high in range(low + 1, 16):
            levels = rng.integers(low, high + 1, (3, 2, 5))
            levels[0, 0, :2] = low, high
            code = choose_code(np.unique(levels), constant=constant)
            if code is None:
                assert high - low > 15 if constant else max(-low, high) > 8
                continue
            chosen += 1
            assert code.problem() is None
            assert constant or code.constant == 0
            packed = pack_levels(levels, code)
            assert packed.shape == (len(code.shifts), 3, 2)
            np.testing.assert_array_equal(unpack_levels(packed, code, [2, 5]), levels)
    assert chosen > 100
