"""Drawings of grey images."""

import numpy as np

from bnn_engine.cli.drawing import draw


def test_each_quadrant_has_its_character() -> None:
    patterns = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
    for index, character in enumerate(patterns):
        image = np.zeros((4, 2), np.uint8)
        for bit, (row, column) in enumerate([(0, 0), (0, 1), (2, 0), (2, 1)]):
            if index >> bit & 1:
                image[row : row + 2, column] = 255
        assert draw(image) == [character]
        assert draw(image, ascii_only=True) == [" .:*#"[index.bit_count()]]


def test_size() -> None:
    lines = draw(np.full((28, 28), 255, np.uint8))
    assert lines == ["█" * 14] * 7
