"""Errors of bnn_engine: each is a :class:`BnnError` and says what was wrong, where, what to do."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BnnError",
    "BnnWarning",
    "DTypeError",
    "DatasetError",
    "IsaError",
    "ModelFormatError",
    "ShapeError",
    "UnsupportedOpError",
]


class BnnError(Exception):
    """Root of all errors that bnn_engine raises on purpose."""


class BnnWarning(UserWarning):
    """The model can be run, but seems not to be what was trained."""


class _ListingError(BnnError):
    """An error with one line for *every* problem that was found, also in ``problems``."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(message + lines)
        self.problems = tuple(problems)


class ModelFormatError(_ListingError, ValueError):
    """The source is not a valid ONNX model: unreadable, truncated, inconsistent or too large.

    ``problems`` lists everything that is wrong with a model that could be read.
    """


class UnsupportedOpError(_ListingError, NotImplementedError):
    """The model is valid but contains nodes that cannot be run.

    ``problems`` lists one line for *every* node that stands in the way: its name, op type, domain,
    opset version and the reason.
    """


class ShapeError(BnnError, ValueError):
    """An input or output is unknown, missing, or its rank or extents do not fit the model."""


class DTypeError(BnnError, TypeError):
    """An array's dtype does not match (``run``) or cannot be converted (``predict``)."""


class DatasetError(BnnError, ValueError):
    """A data file is missing, damaged, or does not hold what its name promises."""


class IsaError(BnnError, RuntimeError):
    """``BNN_ENGINE_ISA`` names an instruction set that is unknown or that this CPU lacks."""
