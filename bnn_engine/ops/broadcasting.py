"""Shapes of element-wise ops whose operands are broadcast against each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from bnn_engine.ops.definition import Shape

__all__ = ["broadcast_shapes", "check_single"]


def broadcast_shapes(shapes: Sequence[Shape | None]) -> Shape | None:
    """Return the shape that ``shapes`` have together by the rules of ONNX and NumPy.

    Extents that are not numbers count as equal to themselves only.

    Returns:
        The shape; None where a rank is unknown.

    Raises:
        ValueError: two extents do not fit together.
    """
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes):
        return None
    columns = zip_longest(*(reversed(shape) for shape in known), fillvalue=1)
    return tuple(_together(extents) for extents in columns)[::-1]


def _together(extents: Sequence[int | str | None]) -> int | str | None:
    others = {extent for extent in extents if extent != 1}
    numbers = {extent for extent in others if isinstance(extent, int)}
    if len(numbers) > 1:
        raise ValueError(f"the extents {sorted(numbers)} of the inputs do not fit together")
    if numbers:
        return numbers.pop()
    if len(others) > 1:
        return None
    return others.pop() if others else 1


def check_single(name: str, shape: Shape | None) -> None:
    """Raise ValueError where an input provably has more or fewer elements than one."""
    if shape is not None and any(isinstance(extent, int) and extent != 1 for extent in shape):
        raise ValueError(f"{name} has shape {list(shape)}, not a single element")
