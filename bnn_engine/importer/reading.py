"""Gets the model protobuf out of whatever the caller has: a path, bytes or a ModelProto."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from bnn_engine.errors import DTypeError, ModelFormatError

__all__ = ["Source", "read_model"]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | onnx.ModelProto

# Protobuf can neither hold nor parse more; larger models keep their weights in external data.
MAX_PROTOBUF_BYTES = 2**31 - 1


def read_model(source: Source) -> tuple[onnx.ModelProto, Path | None]:
    """Parse ``source``.

    Returns:
        The model, and the folder its external data lie in (None if it did not come from a file).

    Raises:
        ModelFormatError: the source cannot be read or is not an ONNX model.
        DTypeError: the source is nothing that could be a model.
    """
    if isinstance(source, onnx.ModelProto):
        _require_model(source, "the ModelProto")
        return source, None
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _parse(bytes(source), "the byte string"), None
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return _parse(_read_file(path), f"{str(path)!r}"), path.parent
    raise DTypeError(f"a model is a path, bytes or an onnx.ModelProto, not {type(source).__name__}")


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelFormatError(f"{str(path)!r} is a folder, not an ONNX file")
        if not path.exists():
            raise ModelFormatError(f"there is no file {str(path)!r}")
        if not path.is_file():
            raise ModelFormatError(f"{str(path)!r} is not a regular file")
        size = path.stat().st_size
        if size > MAX_PROTOBUF_BYTES:
            raise ModelFormatError(
                f"{str(path)!r} has {size} bytes; an ONNX file ends at 2 GiB, larger models keep "
                "their weights in external data files"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"cannot read {str(path)!r}: {error}") from error


def _parse(data: bytes, what: str) -> onnx.ModelProto:
    if not data:
        raise ModelFormatError(f"{what} is empty")
    if len(data) > MAX_PROTOBUF_BYTES:
        raise ModelFormatError(f"{what}: {len(data)} bytes, an ONNX model ends at 2 GiB")
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelFormatError(f"{what} is not an ONNX model, or is truncated: {error}") from error
    _require_model(model, what)
    return model


def _require_model(model: onnx.ModelProto, what: str) -> None:
    if not model.ir_version or not model.HasField("graph"):
        raise ModelFormatError(f"{what} is not an ONNX model: it has no IR version or no graph")
