"""dtypes of the graph and what the core calls them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALL_TYPES",
    "FLOAT32",
    "FLOATS",
    "INTEGERS",
    "NUMBERS",
    "ElementType",
    "as_stored",
    "element_type",
    "stored_dtype",
]

ElementType = Literal[
    "f32", "f64", "f16", "bf16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"
]

_NAMES: dict[str, ElementType] = {
    "bfloat16": "bf16",
    "bool": "bool",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "int8": "i8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
    "uint8": "u8",
}

ALL_TYPES: frozenset[ElementType] = frozenset(_NAMES.values())
FLOAT32: frozenset[ElementType] = frozenset({"f32"})
FLOATS: frozenset[ElementType] = frozenset({"f32", "f64", "f16", "bf16"})
INTEGERS: frozenset[ElementType] = frozenset({"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"})
NUMBERS: frozenset[ElementType] = FLOATS | INTEGERS


def element_type(dtype: np.dtype[Any] | None) -> ElementType | None:
    """The core's name of ``dtype``, None where the core has no such elements."""
    return None if dtype is None else _NAMES.get(dtype.name)


def stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of arrays that hold elements ``dtype`` for the core.

    NumPy itself has no bfloat16 (onnx uses that of ml_dtypes): the core takes its bits as uint16.
    """
    return np.dtype(np.uint16) if dtype.name == "bfloat16" else dtype


def as_stored(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """``array`` as C-contiguous elements ``dtype`` in the form that the core takes."""
    return np.require(array, dtype, ["C", "A"]).view(stored_dtype(dtype))
