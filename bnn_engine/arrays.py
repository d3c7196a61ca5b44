"""What callers pass in, as NumPy arrays the engine can read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.errors import DTypeError

__all__ = ["as_array", "convert", "matching"]

Array = NDArray[Any]

_NUMERIC_KINDS = "biuf"


def as_array(x: Any, name: str) -> Array:
    """``x`` as a NumPy array, without a copy where that is possible.

    Args:
        x: array-like, or an object with ``__dlpack__`` on the CPU (a torch tensor, for instance).
        name: of the input, for messages.

    Raises:
        DTypeError: the object is no array of numbers, or does not live in CPU memory.
    """
    if not isinstance(x, np.ndarray) and hasattr(x, "__dlpack__"):
        tensor = (
            x.detach() if hasattr(x, "detach") else x
        )  # a graph of gradients has no DLPack form
        try:
            return np.from_dlpack(tensor)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise DTypeError(
                f"input {name!r}: {type(x).__name__} cannot be read through DLPack ({error}); "
                "pass a CPU tensor of a dtype that NumPy has"
            ) from error
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"input {name!r} is not an array of numbers: {error}") from error
    if array.dtype.kind == "O":
        raise DTypeError(f"input {name!r} has dtype object: pass an array of numbers")
    return array


def convert(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """``array`` in the model's dtype, native byte order.

    Raises:
        DTypeError: the dtype is not numeric, or floats do not fit an integer input exactly.
    """
    if array.dtype == dtype and array.dtype.isnative:
        return array
    if array.dtype.kind not in _NUMERIC_KINDS or dtype.kind not in _NUMERIC_KINDS:
        raise DTypeError(f"input {name!r} must be {dtype}; {array.dtype} cannot be converted")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(converted, array):
        raise DTypeError(f"input {name!r} must be {dtype}; its {array.dtype} values do not fit")
    return converted


def matching(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """``array`` in native byte order; its dtype must be the model's.

    Raises:
        DTypeError: the dtype differs.
    """
    if array.dtype.newbyteorder("=") != dtype:
        raise DTypeError(
            f"input {name!r} must have dtype {dtype}, got {array.dtype}; "
            "predict() converts, run() does not"
        )
    return array if array.dtype.isnative else array.astype(dtype)
