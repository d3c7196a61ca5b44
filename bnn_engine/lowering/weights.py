"""Weights in the forms the core takes: packed words and bytes, channels last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["sign_bits", "to_bytes", "to_words"]

_WORD_BITS = 64


def sign_bits(packed: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Bits of packed weight rows.

    Args:
        packed: [outputs, ceil(length / 8)] uint8, bit j of a row at byte j // 8, bit j % 8.
        length: real elements of a row.

    Returns:
        [outputs, length] uint8 of 0 (= +1) and 1 (= -1).
    """
    return np.unpackbits(packed, axis=1, count=length, bitorder="little")


def to_bytes(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack rows of 0/1 into bytes: [outputs, K] -> [outputs, ceil(K / 8)], the tail bits 0."""
    return np.packbits(bits, axis=1, bitorder="little")


def to_words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Pack the channels of every position into words of their own.

    Args:
        bits: [outputs, positions, channels] uint8 of 0/1.

    Returns:
        [outputs, positions, ceil(channels / 64)] uint64; channel c is bit c % 64 of word c // 64,
        the tail bits are 0 (csrc/base/bits.h).
    """
    outputs, positions, channels = bits.shape
    words = -(-channels // _WORD_BITS)
    padded = np.zeros((outputs, positions, words * _WORD_BITS), np.uint8)
    padded[:, :, :channels] = bits
    packed = np.packbits(padded, axis=2, bitorder="little")
    return packed.view(np.dtype("<u8")).astype(np.uint64, copy=False)
