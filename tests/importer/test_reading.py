from pathlib import Path

import onnx
import pytest

from bnn_engine.errors import ModelFormatError
from bnn_engine.importer import import_model, reading
from tests.support.onnx_models import model_from_text

MODEL = model_from_text("g (float[N] x) => (float[N] y) { y = Relu(x) }")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: type) -> None:
    assert import_model(kind(MODEL.SerializeToString())).inputs[0].name == "x"


def test_path_and_string(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(MODEL.SerializeToString())
    assert import_model(path).outputs[0].name == "y"
    assert import_model(str(path)).outputs[0].name == "y"


def test_a_model_proto_is_left_unchanged() -> None:
    model = model_from_text("g (float[N] x) => (float[N] y) { y = ai.onnx.Relu(x) }", opset=11)
    model.graph.value_info.add(name="other")
    before = model.SerializeToString()
    import_model(model)
    assert model.SerializeToString() == before


def test_other_types_are_no_source() -> None:
    with pytest.raises(TypeError, match="not int"):
        import_model(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.onnx", "there is no file"), (".", "is a folder"), ("a\0b", "cannot read|no file")],
)
def test_files_that_are_none(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        import_model(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello world, this is text", "is not an ONNX model"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not an ONNX model"),
        (onnx.ModelProto(producer_name="x").SerializeToString(), "no IR version"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "no graph"),
    ],
)
def test_no_onnx(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(ModelFormatError, match=message):
            import_model(source)


def test_every_truncation_is_refused() -> None:
    data = MODEL.SerializeToString()
    for length in range(len(data)):
        with pytest.raises(ModelFormatError):
            import_model(data[:length])


def test_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(MODEL.SerializeToString())
    monkeypatch.setattr(reading, "MAX_PROTOBUF_BYTES", 10)
    for source in (path, path.read_bytes()):
        with pytest.raises(ModelFormatError, match="2 GiB"):
            import_model(source)
