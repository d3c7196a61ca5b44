"""Labelled images: the digits that ship with the package, and data sets in MNIST's IDX files.

IDX is the format of MNIST and Fashion-MNIST: two zero bytes, one byte for the element type, one
byte for the number of axes, one uint32 per axis, then the elements in C order, all big-endian.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.errors import DatasetError

__all__ = ["LabelledImages", "digits", "load_idx", "read_idx"]

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_AXES = 8
# Compressed files may claim and unfold to anything; no image data set needs more than this.
_MAX_BYTES = 2**31
_GZIP_MAGIC = b"\x1f\x8b"
_PREFIXES = {"train": "train", "test": "t10k"}
# The usual spelling, then the one that some archives unpack to.
_SPELLINGS = ("{stem}-idx{axes}-ubyte", "{stem}.idx{axes}-ubyte")


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes.

    Attributes:
        images: uint8 [N, pixels], one row of grey values 0..255 per image.
        labels: uint8 [N].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def digits() -> LabelledImages:
    """1,797 handwritten digits in MNIST's format, 28x28.

    They are not MNIST's: other writers, drawn from the UCI data set optdigits by E. Alpaydin and
    C. Kaynak (CC BY 4.0; ``bnn_engine/data/NOTICE.txt``).
    """
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as arrays:
        return LabelledImages(arrays["images"], arrays["labels"])


def load_idx(folder: str | os.PathLike[str], split: str = "test") -> LabelledImages:
    """Images and labels of a folder with the four files of MNIST or a set in the same form.

    Args:
        folder: holds ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte`` ("test") or
            ``train-...`` ("train"), plain or as ``.gz``, also spelled ``t10k-images.idx3-ubyte``.
        split: "test" or "train".

    Raises:
        DatasetError: a file is missing, damaged, or the two do not fit together.
    """
    if split not in _PREFIXES:
        raise DatasetError(f"split must be 'test' or 'train', not {split!r}")
    prefix = _PREFIXES[split]
    image_path = _find(Path(folder), f"{prefix}-images", 3)
    label_path = _find(Path(folder), f"{prefix}-labels", 1)
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DatasetError(
            f"'{image_path}' holds {images.dtype} {list(images.shape)}, not uint8 images [N, H, W]"
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise DatasetError(
            f"'{label_path}' holds {labels.dtype} {list(labels.shape)}, not one uint8 label for "
            f"each of the {len(images)} images"
        )
    return LabelledImages(images.reshape(len(images), math.prod(images.shape[1:])), labels)


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, which may be compressed by gzip.

    Returns:
        An array of the dtype and shape that the header states, in native byte order.

    Raises:
        DatasetError: the file cannot be read, is not IDX, or has not the size its header states.
    """
    name = f"'{os.fspath(path)}'"
    try:
        with Path(path).open("rb") as raw:
            magic = raw.read(2)
            raw.seek(0)
            if magic != _GZIP_MAGIC:
                return _read(raw, name)
            with gzip.open(raw, "rb") as unpacked:
                return _read(unpacked, name)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{name} cannot be read: {error}") from error


def _read(file: IO[bytes] | io.BufferedIOBase, name: str) -> NDArray[Any]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _DTYPES:
        raise DatasetError(f"{name} is not an IDX file: its first bytes are {start.hex(' ')!r}")
    dtype, num_axes = np.dtype(_DTYPES[start[2]]), start[3]
    if not 1 <= num_axes <= _MAX_AXES:
        raise DatasetError(f"{name} states {num_axes} axes, 1 to {_MAX_AXES} are read")
    sizes = file.read(4 * num_axes)
    if len(sizes) < 4 * num_axes:
        raise DatasetError(f"{name} ends inside its header")
    shape: tuple[int, ...] = struct.unpack(f">{num_axes}I", sizes)
    stated = math.prod(shape) * dtype.itemsize
    if stated > _MAX_BYTES:
        raise DatasetError(f"{name} states the shape {list(shape)}: more than 2 GiB")
    content = file.read(stated + 1)
    if len(content) != stated:
        found = f"only {len(content)} follow" if len(content) < stated else "more follow"
        raise DatasetError(f"{name} states {dtype.name} {list(shape)}, {stated} bytes, but {found}")
    array = np.frombuffer(content, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _find(folder: Path, stem: str, num_axes: int) -> Path:
    """Find the file of one part of a data set, whichever way it is spelled."""
    names = [
        spelling.format(stem=stem, axes=num_axes) + ending
        for spelling in _SPELLINGS
        for ending in ("", ".gz")
    ]
    if not folder.is_dir():
        raise DatasetError(f"there is no folder '{folder}'")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(f"'{folder}' holds none of {', '.join(names)}")
