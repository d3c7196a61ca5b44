"""The IDX reader, and the digits that ship with the package."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import BnnError
from bnn_engine.datasets import digits, load_idx, read_idx
from bnn_engine.errors import DatasetError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(array: NDArray[Any], code: int = 0x08) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


def write_set(folder: Path, images: bytes, labels: bytes) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(images)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(labels)


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 1], np.uint8)


# -- IDX -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type(tmp_path: Path, code: int, compressed: bool) -> None:
    array = np.array([[1, 2, 3], [100, 5, 6]]).astype(np.dtype(TYPES[code]).newbyteorder("="))
    content = idx(array, code)
    path = tmp_path / "file"  # recognised by content, not by name
    path.write_bytes(gzip.compress(content) if compressed else content)
    got = read_idx(path)
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, array)


def test_no_elements(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))
    assert read_idx(path).shape == (0, 28, 28)


@pytest.mark.parametrize("spelling", ["{}-idx{}-ubyte", "{}.idx{}-ubyte"])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(("split", "prefix"), [("test", "t10k"), ("train", "train")])
def test_usual_names(tmp_path: Path, spelling: str, ending: str, split: str, prefix: str) -> None:
    for stem, array in (("images", IMAGES), ("labels", LABELS)):
        content = idx(array)
        name = spelling.format(f"{prefix}-{stem}", array.ndim) + ending
        (tmp_path / name).write_bytes(gzip.compress(content) if ending else content)
    got = load_idx(tmp_path, split)
    np.testing.assert_array_equal(got.images, IMAGES.reshape(2, 12))
    np.testing.assert_array_equal(got.labels, LABELS)


GOOD = idx(IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\x89PNG\r\n", "not an IDX file"),
        (b"\0\0\x07\x01" + bytes(8), "not an IDX file"),
        (b"\0\0\x08\x00", "0 axes"),
        (b"\0\0\x08\xff" + bytes(2000), "255 axes"),
        (GOOD[:10], "inside its header"),
        (GOOD[:-1], "only 23 follow"),
        (GOOD + b"\0", "more follow"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "2 GiB"),
        (gzip.compress(GOOD)[:-12], "cannot be read"),
        (gzip.compress(GOOD)[:20] + bytes(20), "cannot be read"),
        (gzip.compress(GOOD + b"\0"), "more follow"),
        (gzip.compress(b"no"), "not an IDX file"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(DatasetError, match="there is no folder"):
        load_idx(tmp_path / "nothing")
    with pytest.raises(DatasetError, match="holds none of t10k-images-idx3-ubyte, "):
        load_idx(tmp_path)
    with pytest.raises(DatasetError, match="split"):
        load_idx(tmp_path, "validation")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (idx(LABELS), idx(LABELS), "not uint8 images"),
        (idx(IMAGES, 0x0C), idx(LABELS), "not uint8 images"),
        (idx(IMAGES), idx(LABELS[:1]), "each of the 2 images"),
        (idx(IMAGES), idx(LABELS, 0x0C), "each of the 2 images"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, images: bytes, labels: bytes, message: str) -> None:
    write_set(tmp_path, images, labels)
    with pytest.raises(BnnError, match=message):
        load_idx(tmp_path)


# -- shipped digits --------------------------------------------------------------------------------


def test_digits() -> None:
    shipped = digits()
    assert shipped.images.shape == (1797, 784)
    assert shipped.images.dtype == np.uint8
    assert shipped.labels.dtype == np.uint8
    counts = np.bincount(shipped.labels, minlength=10)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # of UCI


def test_digits_have_the_format_of_mnist() -> None:
    images = digits().images.reshape(-1, 28, 28).astype(np.float64)
    assert images.max(axis=(1, 2)).min() >= 200
    assert images[:, [0, -1], :].any(axis=(1, 2)).mean() < 0.02
    assert not images[:, :, [0, -1]].any()
    ink = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centres = images.sum(axis=3 - axis) @ np.arange(28) / ink
        np.testing.assert_allclose(centres, 14, atol=0.3)


def test_digits_come_with_attribution_and_licence() -> None:
    folder = Path(bnn_engine.__file__).parent / "data"
    assert (folder / "digits.npz").stat().st_size < 250_000
    notice = (folder / "NOTICE.txt").read_text(encoding="utf-8")
    for words in (
        "Optical Recognition of Handwritten Digits",
        "E. Alpaydin and C. Kaynak",
        "https://doi.org/10.24432/C50P49",
        "https://creativecommons.org/licenses/by/4.0/",
        "Changes made",
    ):
        assert words in notice
    licence = (folder / "LICENSE-CC-BY-4.0.txt").read_text(encoding="utf-8")
    assert "Creative Commons Attribution 4.0 International Public License" in licence
