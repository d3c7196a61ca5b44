"""What ``bnn-engine demo`` prints."""

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import bnn_engine
from bnn_engine.cli.app import APP
from bnn_engine.datasets import digits
from bnn_engine.errors import DatasetError

ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def demo(*arguments: str) -> str:
    command = ["demo", "--num-runs", "5", *arguments]
    result = CliRunner().invoke(APP, command, env=ENVIRONMENT, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(demo("--json"))
    return parsed


@pytest.fixture(scope="module")
def idx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 20 digits as a data set in MNIST's files, in two of their spellings."""
    folder = tmp_path_factory.mktemp("idx")
    shipped = digits()
    images = struct.pack(">4B3I", 0, 0, 8, 3, 20, 28, 28) + shipped.images[:20].tobytes()
    labels = struct.pack(">4BI", 0, 0, 8, 1, 20) + shipped.labels[:20].tobytes()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (folder / "t10k-labels.idx1-ubyte").write_bytes(labels)
    return folder


def runtimes(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Figures of each runtime by network."""
    return {
        network["name"]: {runtime["name"]: runtime for runtime in network["runtimes"]}
        for network in figures["networks"]
    }


def test_json_describes_the_measurement(figures: dict[str, Any]) -> None:
    assert figures["version"] == bnn_engine.__version__
    assert figures["isa"] == bnn_engine.cpu_info().active_isa
    assert (figures["num_threads"], figures["num_runs"]) == (1, 5)
    assert figures["images"] == {"digits": 1797}
    assert sorted(runtimes(figures)) == sorted(bnn_engine.models.names())


def test_runtimes(figures: dict[str, Any]) -> None:
    for name, found in runtimes(figures).items():
        expected = {"packed", "onnxruntime"}
        if name in ("mnist-bmlp", "mnist-bcnn"):
            expected |= {"float"}
        assert set(found) == expected
        for runtime in found.values():
            assert 0 < runtime["latency_us"]["min"] <= runtime["latency_us"]["median"]
            ratio = runtime["latency_us"]["min"] / found["packed"]["latency_us"]["min"]
            assert runtime["packed_speed_up"] == pytest.approx(ratio)


def test_sizes(figures: dict[str, Any]) -> None:
    for name, found in runtimes(figures).items():
        onnx_bytes = bnn_engine.models.path(name).stat().st_size
        assert found["onnxruntime"]["file_bytes"] == onnx_bytes
    assert runtimes(figures)["mnist-bmlp"]["packed"]["file_bytes"] <= 30_000
    assert runtimes(figures)["mnist-bcnn"]["packed"]["file_bytes"] <= 15_000


@pytest.mark.parametrize(
    ("network", "accuracy"),
    [("mnist-bmlp", 0.85), ("mnist-bcnn", 0.88), ("mnist-mlp", 0.78), ("mnist-cnn", 0.94)],
)
def test_networks_read_the_shipped_digits(
    figures: dict[str, Any], network: str, accuracy: float
) -> None:
    found = runtimes(figures)[network]
    assert found["packed"]["accuracy"]["digits"] >= accuracy
    # ONNX Runtime optimises and sums floats in another order: near ties may fall differently.
    assert found["onnxruntime"]["differing"]["digits"] <= 2
    if "float" in found:
        assert found["float"]["differing"]["digits"] <= 2


def test_tables_fit_80_columns(idx_folder: Path) -> None:
    text = demo("--mnist", str(idx_folder))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for name in bnn_engine.models.names():
        assert name in text
    for word in ("packed", "float kernels", "ONNX Runtime", "MNIST", "median", "speed-up", "kB"):
        assert word in text


def test_digits_are_drawn(idx_folder: Path) -> None:
    text = demo("--mnist", str(idx_folder))
    assert set("█▛▜▙▟") <= set(text)
    for label in range(10):
        assert f"{label}, read as " in text


def test_mnist_folder_is_evaluated(idx_folder: Path) -> None:
    figures = json.loads(demo("--json", "--mnist", str(idx_folder)))
    assert figures["images"] == {"digits": 1797, "MNIST": 20}
    shipped = digits()
    for name, found in runtimes(figures).items():
        engine = bnn_engine.load(bnn_engine.models.path(name))
        read = engine.predict(shipped.images[:20]).argmax(axis=1)
        expected = float(np.mean(read == shipped.labels[:20]))
        assert found["packed"]["accuracy"]["MNIST"] == expected


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(
        struct.pack(">4B3I", 0, 0, 8, 3, 1, 2, 2) + bytes(4)
    )
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 1) + b"\1")
    with pytest.raises(DatasetError, match="28x28"):
        demo("--mnist", str(tmp_path))
