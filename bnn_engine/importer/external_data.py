"""Reads tensors that a model keeps in files beside it, and nothing else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx

__all__ = ["is_external", "load_external"]


def is_external(tensor: onnx.TensorProto) -> bool:
    """Return whether the data of ``tensor`` lie in another file."""
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def load_external(tensor: onnx.TensorProto, num_bytes: int, folder: Path | None) -> bytes:
    """Read the data of ``tensor``.

    Args:
        tensor: a tensor with external data.
        num_bytes: size that its shape and element type ask for.
        folder: the model's folder; None when the model did not come from a file.

    Raises:
        ValueError: says what is wrong with the reference or the file.
    """
    if folder is None:
        raise ValueError(
            "its data lie in an external file; load the model by its path so that it can be found"
        )
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    path = _inside(folder, location)
    offset = _number(entries, "offset", 0)
    length = _number(entries, "length", num_bytes)
    if length != num_bytes:
        raise ValueError(f"its external data have {length} bytes instead of {num_bytes}")
    if not path.is_file():
        raise ValueError(f"its external data file {location!r} is missing")
    size = path.stat().st_size
    if offset + num_bytes > size:
        raise ValueError(
            f"its external data end at byte {offset + num_bytes} of {location!r}, which has {size}"
        )
    # Read rather than mapped: a file that shrinks under a mapping kills the process.
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(num_bytes)
    if len(data) != num_bytes:
        raise ValueError(f"its external data file {location!r} shrank while it was read")
    return data


def _inside(folder: Path, location: str) -> Path:
    """Return the file ``location`` names; links followed, it must lie in ``folder``."""
    if not location or "\0" in location:
        raise ValueError("its external data have no valid location")
    escapes = (
        PurePosixPath(location).is_absolute()
        or bool(PureWindowsPath(location).drive or PureWindowsPath(location).root)
        or ".." in PureWindowsPath(location).parts
    )
    path = (folder / location).resolve() if not escapes else folder
    if escapes or not path.is_relative_to(folder.resolve()):
        raise ValueError(f"its external data {location!r} lie outside the model's folder")
    return path


def _number(entries: dict[str, str], key: str, default: int) -> int:
    if key not in entries:
        return default
    text = entries[key]
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise ValueError(f"its external data have {key} {text!r}")
    return int(text)
