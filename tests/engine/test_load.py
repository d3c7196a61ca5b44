from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import BnnError, ModelFormatError, UnsupportedOpError
from tests.support.onnx_models import model_from_text

EXTERNAL = (
    Path(__file__).parents[1] / "conformance" / "fixtures" / "bmlp-random.documented.dynamic.onnx"
)


def test_every_kind_of_source(
    engine: bnn_engine.Engine, digits: NDArray[np.float32], tmp_path: Path
) -> None:
    path = bnn_engine.models.path("mnist-bmlp")
    packed = tmp_path / "packed.onnx"
    engine.save(packed)
    wanted = engine.predict(digits)
    data = path.read_bytes()
    sources: list[Any] = [str(path), path, data, bytearray(data), memoryview(data), onnx.load(path)]
    for source in [*sources, packed, str(packed), packed.read_bytes(), onnx.load(packed)]:
        loaded = bnn_engine.load(source)
        np.testing.assert_array_equal(loaded.predict(digits), wanted)
        assert loaded.inputs == engine.inputs
        assert loaded.outputs == engine.outputs


def test_a_loaded_proto_is_left_alone(digits: NDArray[np.float32]) -> None:
    model = onnx.load(bnn_engine.models.path("mnist-bcnn"))
    before = model.SerializeToString(deterministic=True)
    bnn_engine.load(model).predict(digits)
    assert model.SerializeToString(deterministic=True) == before


def test_inputs_and_outputs(engine: bnn_engine.Engine) -> None:
    float32 = np.dtype(np.float32)
    assert engine.inputs == (bnn_engine.TensorInfo("input", ("batch_size", 784), float32),)
    assert engine.outputs == (bnn_engine.TensorInfo("output", ("batch_size", 10), float32),)
    assert repr(engine) == (
        "<bnn_engine.Engine input ['batch_size', 784] -> output ['batch_size', 10]>"
    )


@pytest.mark.parametrize("source", ["no such file.onnx", b"", b"\0\1\2", b"not a model", "/"])
def test_sources_that_are_no_model(source: Any) -> None:
    with pytest.raises(ModelFormatError):
        bnn_engine.load(source)


def test_no_truncated_model_is_accepted() -> None:
    data = bnn_engine.models.path("mnist-mlp").read_bytes()
    for size in range(0, len(data), 997):
        with pytest.raises(ModelFormatError):
            bnn_engine.load(data[:size])


def test_missing_external_data(tmp_path: Path) -> None:
    copied = shutil.copy(EXTERNAL, tmp_path)
    for source in (copied, EXTERNAL.read_bytes()):
        with pytest.raises(ModelFormatError, match="external"):
            bnn_engine.load(source)
    shutil.copy(f"{EXTERNAL}.data", tmp_path)
    assert bnn_engine.load(copied).predict(np.zeros((2, 169))).shape == (2, 10)


def test_unknown_ops_are_all_listed() -> None:
    model = model_from_text(
        """g (float[N, 3] x) => (float[] y) {
            a = custom.Foo(x)
            b = NoSuchOp(a)
            y = custom.Bar(b)
        }"""
    )
    model.opset_import.add(domain="custom", version=1)
    with pytest.raises(UnsupportedOpError) as caught:
        bnn_engine.load(model)
    assert len(caught.value.problems) == 3
    for name in ("Foo", "NoSuchOp", "Bar"):
        assert name in str(caught.value)


def test_what_load_refuses_of_its_arguments() -> None:
    path = bnn_engine.models.path("mnist-mlp")
    with pytest.raises(BnnError, match="fallback must be 'reference' or 'error', not 'guess'"):
        bnn_engine.load(path, fallback="guess")
    for number in (0, -1, True, 1.5, "2"):
        with pytest.raises(BnnError, match="num_threads must be a positive integer"):
            bnn_engine.load(path, num_threads=number)  # type: ignore[arg-type]


def test_errors_are_also_what_python_programs_expect() -> None:
    assert issubclass(ModelFormatError, (BnnError, ValueError))
    assert issubclass(bnn_engine.ShapeError, ValueError)
    assert issubclass(bnn_engine.DTypeError, TypeError)
    assert issubclass(UnsupportedOpError, NotImplementedError)
    assert issubclass(bnn_engine.IsaError, RuntimeError)
    for name in bnn_engine.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(bnn_engine, name), BnnError)


def test_saving_where_nothing_can_be_saved(engine: bnn_engine.Engine, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "folder.onnx"):
        with pytest.raises(BnnError, match="cannot write"):
            engine.save(target)


def test_packed_files_are_small(tmp_path: Path) -> None:
    for name, limit in (("mnist-bmlp", 30), ("mnist-bcnn", 15)):
        bnn_engine.load(bnn_engine.models.path(name)).save(tmp_path / name)
        assert (tmp_path / name).stat().st_size <= limit * 1024


def test_packed_files_say_their_version(engine: bnn_engine.Engine, tmp_path: Path) -> None:
    engine.save(tmp_path / "packed.onnx")
    packed = onnx.load(tmp_path / "packed.onnx")
    onnx.checker.check_model(packed)
    versions = {entry.domain: entry.version for entry in packed.opset_import}
    assert versions["bnn_engine"] == 1
    next(entry for entry in packed.opset_import if entry.domain == "bnn_engine").version = 99
    with pytest.raises(BnnError, match="99"):
        bnn_engine.load(packed)
