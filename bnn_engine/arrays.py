"""What callers pass in, as NumPy arrays the engine can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.errors import DTypeError

__all__ = ["as_array", "as_value", "convert", "matching"]

Array = NDArray[Any]

_NUMERIC_KINDS = "biuf"


def as_array(x: Any, name: str) -> Array:
    """``x`` as a NumPy array, without a copy where that is possible.

    Args:
        x: array-like, or an object with ``__dlpack__`` on the CPU (a torch tensor, for instance).
        name: of the input, for messages.

    Raises:
        DTypeError: the object is no array of numbers or strings, or does not live in CPU memory.
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
    if array.dtype.kind in "US" or _is_text(array):
        return array.astype(object)
    if array.dtype.kind == "O":
        raise DTypeError(f"input {name!r} has dtype object: pass an array of numbers or strings")
    return array


def _is_text(array: Array) -> bool:
    return array.dtype.kind == "O" and all(isinstance(item, (str, bytes)) for item in array.flat)


def as_value(x: Any, kind: str, name: str, adapt: Callable[[Array], Array]) -> Any:
    """``x`` as a value of the engine.

    Args:
        x: what the caller gave.
        kind: "tensor", "sequence" (a list), "optional" (None or a value) or "map" (a dict).
        name: of the input, for messages.
        adapt: brings an array to the input's dtype, or raises DTypeError.

    Raises:
        DTypeError: ``x`` is something else.
    """
    if kind == "tensor":
        return adapt(as_array(x, name))
    if kind == "optional" and x is None:
        return None
    if kind != "map" and isinstance(x, (list, tuple)):
        return [adapt(as_array(item, name)) for item in x]
    if kind == "optional":
        return adapt(as_array(x, name))
    if kind == "map" and isinstance(x, dict):
        return dict(x)
    raise DTypeError(f"input {name!r} must be a {kind}, not {type(x).__name__}")


def _is_extended(dtype: np.dtype[Any]) -> bool:
    """Whether ``dtype`` is a number that NumPy lacks: bfloat16, float8, int4 ..."""
    return dtype.type.__module__ == "ml_dtypes"


def _is_number(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in _NUMERIC_KINDS or _is_extended(dtype)


def _same_numbers(a: Array, b: Array) -> bool:
    """Whether two arrays are equal; NumPy cannot compare numbers that it lacks."""
    if _is_extended(a.dtype) or _is_extended(b.dtype):
        a, b = a.astype(np.float64), b.astype(np.float64)
    return np.array_equal(a, b)


def convert(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """``array`` in the model's dtype, native byte order.

    Raises:
        DTypeError: the dtype is not numeric, or floats do not fit an integer input exactly.
    """
    if array.dtype == dtype and array.dtype.isnative:
        return array
    if not (_is_number(array.dtype) and _is_number(dtype)):
        raise DTypeError(f"input {name!r} must be {dtype}; {array.dtype} cannot be converted")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    is_integer = dtype.kind in "biu" or "int" in dtype.name
    if is_integer and not _same_numbers(converted, array):
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
