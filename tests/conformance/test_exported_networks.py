"""Networks of Larq Zoo (tf2onnx) and PyTorch (both exporters), against ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import pytest

import bnn_engine
from tests.conformance.networks import FOLDER, NAMES, Array, Exported, read_by
from tests.support import ort


@dataclass(frozen=True, eq=False)
class Loaded(Exported):
    """With the engine."""

    @cached_property
    def engine(self) -> bnn_engine.Engine:
        return bnn_engine.load(self.model, fallback="error")

    @cached_property
    def answers(self) -> Array:
        return self.engine.run(self.feeds)[self.output]


@pytest.fixture(scope="module", params=NAMES)
def network(request: pytest.FixtureRequest) -> Loaded:
    """One after the other, so that only one is in memory."""
    return Loaded(request.param)


ONE_EXPORTER = {
    "torch-bireal18_flat",  # the other exporters' graphs are those of bireal18
    "torch-form_act_heaviside",  # TorchScript cannot export it
}


def test_fixtures_cover_what_is_promised() -> None:
    assert sum(name.startswith("larq-") for name in NAMES) == 8
    exporters: dict[str, set[str]] = {}
    for name in NAMES:
        if name.startswith("torch-"):
            network, _, exporter = name.partition(".")
            exporters.setdefault(network, set()).add(exporter.partition("_")[0])
    assert {name for name, by in exporters.items() if by != {"ts", "dynamo"}} == ONE_EXPORTER
    opsets = {name.rpartition("_op")[2] for name in NAMES if "ts_op" in name}
    assert opsets == {str(opset) for opset in range(11, 18)}


def test_fixtures_are_small() -> None:
    files = [path for path in FOLDER.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_every_layer_is_reported_as_it_is(network: Loaded) -> None:
    layers = network.engine.summary().layers
    assert {layer.executor for layer in layers} == {"native"}
    weighted = [layer for layer in layers if layer.binary_macs or layer.float_macs]
    reasons = [f"{layer.name}: {layer.kind}: {layer.reason}" for layer in weighted]
    assert Counter(layer.kind for layer in weighted) == network.layers, "\n".join(reasons)


def test_no_transpose_beside_a_binary_layer(network: Loaded, tmp_path: Path) -> None:
    """Larq's networks keep signs in NHWC: they come with 10 to 80 Transposes."""
    if network.name.startswith("torch-form_dense"):
        pytest.skip("products along the last axis of three become convolutions between Transposes")
    network.engine.save(tmp_path / "packed.onnx")
    nodes = onnx.load(tmp_path / "packed.onnx").graph.node
    producers = {name: node for node in nodes for name in node.output}
    layers = [node for node in nodes if node.op_type in ("BinaryConv", "LowBitConv")]
    beside = {name for node in layers for name in node.output}
    for node in layers:
        source = producers.get(node.input[0])
        while source is not None and source.op_type in ("Binarize", "Quantize", "Sign", "Pad"):
            source = producers.get(source.input[0])
        if source is not None:
            beside |= set(source.output)
    moved = [node for node in nodes if node.op_type == "Transpose"]
    assert not [node.name for node in moved if beside & {*node.input, *node.output}]


def test_every_layer_with_the_numbers_it_had(network: Loaded) -> None:
    assert network.cuts
    got = bnn_engine.load(network.forced).run(read_by(network.forced, network.given))
    for name, array in got.items():
        assert_close(name, array, network.tensors[name])


def test_from_end_to_end(network: Loaded) -> None:
    model, row = network.decided, network.row
    got = bnn_engine.load(model).run(read_by(model, network.given))[network.output]
    assert_close(network.output, got[row], network.tensors[network.output][row])


def test_a_frozen_batch_is_a_batch(network: Loaded) -> None:
    frozen = onnx.ModelProto()
    frozen.CopyFrom(network.model)
    graph = frozen.graph
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == symbol:
                dim.dim_value = 1
    got = bnn_engine.load(frozen).run(network.feeds)[network.output]
    np.testing.assert_array_equal(got, network.answers)


def test_packed_file(network: Loaded, tmp_path: Path) -> None:
    plain, decided = tmp_path / "plain.onnx", tmp_path / "decided.onnx"
    network.engine.save(plain)
    reloaded = bnn_engine.load(plain)
    np.testing.assert_array_equal(reloaded.run(network.feeds)[network.output], network.answers)
    assert [(layer.name, layer.kind, layer.kernel) for layer in reloaded.summary().layers] == [
        (layer.name, layer.kind, layer.kernel) for layer in network.engine.summary().layers
    ]
    bnn_engine.load(network.decided).save(decided)
    feeds, row = read_by(network.decided, network.given), network.row
    theirs = ort.run(decided, feeds)[network.output]
    assert_close(network.output, theirs[row], network.tensors[network.output][row])


def assert_close(name: str, got: Array, wanted: Array) -> None:
    """Within 1e-4 of the largest number: far less than what one wrong bit makes."""
    assert got.shape == wanted.shape
    distance = np.abs(got.astype(np.float64) - wanted).max()
    assert distance <= 1e-4 * np.abs(wanted).max(), name
