"""Draws grey images with characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw"]

# Index: the sum of 1 for ink at the upper left, 2 upper right, 4 lower left, 8 lower right.
_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_WEIGHTS = np.array([[1, 2], [4, 8]])
# Index: how many of the four have ink.
_ASCII = " .:*#"

_INK = 80


def draw(image: NDArray[np.uint8], ascii_only: bool = False) -> list[str]:
    """Lines of text that show the image.

    A character stands for 2 pixels across and 4 down, so that the image keeps its proportions.

    Args:
        image: uint8 [H, W], H divisible by 4 and W by 2; bright is ink.
        ascii_only: use no block characters.

    Returns:
        H / 4 lines of W / 2 characters.
    """
    height, width = image.shape
    ink = image.reshape(height // 2, 2, width).mean(axis=1) >= _INK
    cells = ink.reshape(height // 4, 2, width // 2, 2)
    if ascii_only:
        characters, indices = _ASCII, cells.sum(axis=(1, 3))
    else:
        characters, indices = _QUADRANTS, np.einsum("yaxb,ab->yx", cells, _WEIGHTS)
    return ["".join(characters[index] for index in row) for row in indices]
