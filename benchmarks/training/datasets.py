"""Reading MNIST-style data sets from IDX files.

IDX is the format of MNIST and Fashion-MNIST: two zero bytes, one byte for the element type, one
byte for the number of axes, one big-endian uint32 a dimension, then the elements in C order.
A data set is a folder with the four usual files, each plain or gzip-compressed.
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

NUM_CLASSES = 10
IMAGE_SIDE = 28
NUM_PIXELS = IMAGE_SIDE * IMAGE_SIDE

_UINT8_TYPE_CODE = 0x08
_MAX_AXES = 8
# The canonical spelling, then the one some archives unpack to.
_SUFFIX_SPELLINGS = ("-idx{axes}-ubyte", ".idx{axes}-ubyte")


class IdxError(ValueError):
    """An IDX file is missing, damaged, or does not hold what its name promises."""


@dataclass(frozen=True)
class Split:
    """Images and labels of one part of a data set.

    Attributes:
        images: uint8 [N, 784], one row of pixels 0..255 an image.
        labels: uint8 [N], classes 0..9.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read one uint8 IDX file, gzip-compressed if its name ends in ``.gz``.

    Returns:
        A uint8 array with the dimensions that the header states; read-only.

    Raises:
        IdxError: if the file cannot be read, is not IDX, holds another element type, or holds more
            or fewer elements than its header states.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise IdxError(f"{path}: cannot be read: {error}") from error

    if len(content) < 4 or content[:2] != b"\0\0":
        raise IdxError(f"{path}: not an IDX file (it must begin with two zero bytes)")
    type_code, num_axes = content[2], content[3]
    if type_code != _UINT8_TYPE_CODE:
        raise IdxError(f"{path}: element type 0x{type_code:02x}, expected uint8 (0x08)")
    if num_axes > _MAX_AXES:
        raise IdxError(f"{path}: {num_axes} axes, at most {_MAX_AXES} are read")
    header_bytes = 4 + 4 * num_axes
    if len(content) < header_bytes:
        raise IdxError(f"{path}: the file ends inside its header")
    shape: tuple[int, ...] = struct.unpack_from(f">{num_axes}I", content, 4)
    stored, stated = len(content) - header_bytes, math.prod(shape)
    if stored != stated:
        raise IdxError(f"{path}: holds {stored} elements, its header states {list(shape)}")
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def _find(directory: Path, stem: str, num_axes: int) -> Path:
    """Return the file of a data set's part, whichever spelling the folder uses."""
    candidates = [
        directory / (stem + spelling.format(axes=num_axes) + compression)
        for spelling in _SUFFIX_SPELLINGS
        for compression in ("", ".gz")
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = ", ".join(candidate.name for candidate in candidates)
    raise IdxError(f"{directory}: holds none of {names}")


def _load_split(directory: Path, prefix: str) -> Split:
    image_path = _find(directory, f"{prefix}-images", 3)
    label_path = _find(directory, f"{prefix}-labels", 1)
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise IdxError(f"{image_path}: shape {list(images.shape)}, expected [N, 28, 28]")
    if labels.shape != images.shape[:1]:
        raise IdxError(
            f"{label_path}: shape {list(labels.shape)}, expected one label for each of the "
            f"{len(images)} images"
        )
    if labels.size and labels.max() >= NUM_CLASSES:
        raise IdxError(f"{label_path}: label {labels.max()}, expected 0..{NUM_CLASSES - 1}")
    return Split(images.reshape(len(images), NUM_PIXELS), labels)


def load_train(directory: Path) -> Split:
    """Load the training images: uint8 [60000, 784] and labels uint8 [60000] for MNIST.

    Raises:
        IdxError: if a file is missing, damaged or of another shape.
    """
    return _load_split(directory, "train")


def load_test(directory: Path) -> Split:
    """Load the test images: uint8 [10000, 784] and labels uint8 [10000] for MNIST.

    Raises:
        IdxError: if a file is missing, damaged or of another shape.
    """
    return _load_split(directory, "t10k")
