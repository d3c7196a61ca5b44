"""Packs ±1 matrices into bits and back: the weight layout of every op of the domain.

Row ``o`` of the packed matrix holds ``W[o].ravel()``: element ``j`` is bit ``j % 8`` (little
endian) of byte ``j // 8``; bit 0 means +1, bit 1 means -1; the bits after the last element are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_signs", "packed_bytes", "unpack_signs"]


def packed_bytes(num_elements: int) -> int:
    """Bytes of a packed row of ``num_elements`` signs."""
    return -(-num_elements // 8)


def pack_signs(weights: NDArray[Any]) -> NDArray[np.uint8]:
    """Pack the signs of ``weights``.

    Args:
        weights: real numbers [O, ...]; negative ones become bit 1, all others bit 0.

    Returns:
        uint8 [O, ceil(elements of a row / 8)].
    """
    negative = np.less(weights, 0).reshape(weights.shape[0], math.prod(weights.shape[1:]))
    return np.packbits(negative, axis=1, bitorder="little")


def unpack_signs(bits: NDArray[np.uint8], row_shape: Sequence[int]) -> NDArray[np.float32]:
    """Undo :func:`pack_signs`.

    Args:
        bits: uint8 [O, ceil(prod(row_shape) / 8)].
        row_shape: shape of one row of weights.

    Returns:
        float32 [O, *row_shape] of ±1.

    Raises:
        ValueError: the packed rows do not have the length that ``row_shape`` asks for.
    """
    num_elements = math.prod(row_shape)
    if bits.ndim != 2 or bits.shape[1] != packed_bytes(num_elements):
        raise ValueError(
            f"packed weights have shape {list(bits.shape)}, expected [rows, "
            f"{packed_bytes(num_elements)}] for {num_elements} elements a row"
        )
    negative = np.unpackbits(bits, axis=1, count=num_elements, bitorder="little")
    return (1 - 2 * negative.astype(np.float32)).reshape(bits.shape[0], *row_shape)
