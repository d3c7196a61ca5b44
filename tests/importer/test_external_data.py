from pathlib import Path

import numpy as np
import onnx
import pytest

from bnn_engine.errors import ModelFormatError
from bnn_engine.importer import import_model
from tests.support.onnx_models import model_from_text

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)


def write(folder: Path, entries: dict[str, str], data: bytes = ARRAY.tobytes()) -> Path:
    """A model whose one initializer lies in ``folder/w.data``."""
    model = model_from_text("g (float[3, 4] x) => (float[3, 4] y) { y = Add(x, w) }")
    tensor = model.graph.initializer.add(name="w", dims=[3, 4], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    folder.mkdir(exist_ok=True)
    (folder / "w.data").write_bytes(data)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refusal(path: Path | bytes) -> str:
    with pytest.raises(ModelFormatError) as caught:
        import_model(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("entries", "prefix"),
    [
        ({"location": "w.data"}, b""),
        ({"location": "w.data", "offset": "8", "length": "48"}, b"12345678"),
        ({"location": "./w.data", "offset": "1"}, b"1"),
    ],
)
def test_data_are_read(tmp_path: Path, entries: dict[str, str], prefix: bytes) -> None:
    graph = import_model(write(tmp_path, entries, prefix + ARRAY.tobytes()))
    np.testing.assert_array_equal(graph.values()["w"].const, ARRAY)


def test_data_survive_the_file(tmp_path: Path) -> None:
    graph = import_model(write(tmp_path, {"location": "w.data"}))
    (tmp_path / "w.data").write_bytes(b"")
    np.testing.assert_array_equal(graph.values()["w"].const, ARRAY)


def test_missing_file(tmp_path: Path) -> None:
    path = write(tmp_path, {"location": "w.data"})
    (tmp_path / "w.data").unlink()
    assert "initializer 'w': its external data file 'w.data' is missing" in refusal(path)


def test_bytes_have_no_folder(tmp_path: Path) -> None:
    path = write(tmp_path, {"location": "w.data"})
    assert "load the model by its path" in refusal(path.read_bytes())


@pytest.mark.parametrize(
    "location", ["../m/w.data", "/etc/passwd", "a/../../m/w.data", "..\\w.data", "C:\\w.data", ""]
)
def test_paths_that_leave_the_folder(tmp_path: Path, location: str) -> None:
    message = refusal(write(tmp_path / "m", {"location": location}))
    assert "outside the model's folder" in message or "no valid location" in message


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "m", {"location": "link"})
    (tmp_path / "w.data").write_bytes(ARRAY.tobytes())
    (tmp_path / "m" / "link").symlink_to(tmp_path / "w.data")
    assert "outside the model's folder" in refusal(path)


def test_links_within_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path, {"location": "link"})
    (tmp_path / "link").symlink_to(tmp_path / "w.data")
    np.testing.assert_array_equal(import_model(path).values()["w"].const, ARRAY)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"length": "47"}, "47 bytes instead of 48"),
        ({"length": "-1"}, "length '-1'"),
        ({"offset": "1"}, "end at byte 49"),
        ({"offset": "99999999999999999999"}, "offset"),
        ({"offset": "x"}, "offset 'x'"),
    ],
)
def test_wrong_extents(tmp_path: Path, entries: dict[str, str], message: str) -> None:
    assert message in refusal(write(tmp_path, {"location": "w.data", **entries}))


def test_a_folder_is_no_data_file(tmp_path: Path) -> None:
    path = write(tmp_path, {"location": "sub"})
    (tmp_path / "sub").mkdir()
    assert "is missing" in refusal(path)
