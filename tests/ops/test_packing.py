import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnn_engine.ops import pack_signs, packed_bytes, unpack_signs
from tests.support.onnx_models import signs


def test_bit_order_is_little_endian_and_one_means_minus() -> None:
    weights = np.ones((1, 10), np.float32)
    weights[0, [1, 9]] = -1
    assert pack_signs(weights).tolist() == [[0b10, 0b10]]


@given(
    rows=st.integers(1, 4),
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_unpack_undoes_pack(rows: int, shape: list[int], seed: int) -> None:
    weights = signs(np.random.default_rng(seed), (rows, *shape))
    bits = pack_signs(weights)
    assert bits.shape == (rows, packed_bytes(int(np.prod(shape))))
    np.testing.assert_array_equal(unpack_signs(bits, shape), weights)


def test_tail_bits_are_zero() -> None:
    assert pack_signs(-np.ones((1, 3), np.float32)).tolist() == [[0b111]]


def test_unpack_refuses_rows_of_another_length() -> None:
    with pytest.raises(ValueError, match=r"expected \[rows, 2\]"):
        unpack_signs(np.zeros((2, 3), np.uint8), [10])
