"""All passes together: the seed networks become what lowering expects."""

from typing import Any

import numpy as np
import pytest

from bnn_engine.errors import BnnError
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes import PASSES, run_passes
from tests.support.onnx_models import op_types, run_onnxruntime
from tests.support.sample_models import sample_io, sample_models
from tests.support.seed_networks import binary_cnn, binary_mlp

MLP = [
    "BinaryWeightGemm",
    "Binarize",
    "BinaryGemm",
    "Binarize",
    "BinaryGemm",
    "Add",
    "LogSoftmax",
]
CNN = [
    "Reshape",
    "BinaryWeightConv",
    "Binarize",
    "MaxPool",
    "BinaryConv",
    "Binarize",
    "MaxPool",
    "Reshape",
    "BinaryGemm",
    "Binarize",
    "BinaryGemm",
    "Add",
    "LogSoftmax",
]
NETWORKS = [(binary_mlp, MLP), (binary_cnn, CNN)]


@pytest.mark.parametrize(("make", "expected"), NETWORKS)
@pytest.mark.parametrize("batch", ["N", "1"])
@pytest.mark.parametrize("seed", range(3))
def test_seed_networks(make: Any, expected: list[str], batch: str, seed: int) -> None:
    example = make(seed, batch=batch)
    graph = import_model(example.model)
    run_passes(graph)
    assert op_types(graph) == expected
    assert graph.rows_independent is None
    assert graph.inputs[0].shape is not None
    assert graph.inputs[0].shape[0] == "N"
    assert set(graph.reasons.values()) == {
        "input is not quantized: graph input 'x'"
        if expected is MLP
        else "input is not quantized: comes from Reshape 'a0'"
    }
    (y,) = run_onnxruntime(example.model, {"x": example.x})
    np.testing.assert_array_equal(run_onnxruntime(to_model(graph), {"x": example.x})[0], y)


@pytest.mark.parametrize("make", [binary_mlp, binary_cnn])
def test_every_stage_means_the_same(make: Any) -> None:
    example = make(11)
    before = evaluate(import_model(example.model), {"x": example.x})["y"]
    for stop in range(len(PASSES) + 1):
        graph = import_model(example.model)
        run_passes(graph, stop_after=stop)
        np.testing.assert_array_equal(evaluate(graph, {"x": example.x})["y"], before)


@pytest.mark.parametrize("make", [binary_mlp, binary_cnn])
def test_any_number_of_rows_runs(make: Any) -> None:
    example = make(12)
    graph = import_model(example.model)
    run_passes(graph)
    whole = evaluate(graph, {"x": example.x})["y"]
    for rows in (0, 1, 4):
        part = evaluate(graph, {"x": example.x[:rows]})["y"]
        np.testing.assert_array_equal(part, whole[:rows])


def test_origins_are_merged() -> None:
    graph = import_model(binary_mlp(0).model)
    run_passes(graph)
    assert graph.nodes[1].origins == (
        "Gemm a1",
        "BatchNormalization a2",
        "Greater a3_p",
        "Where a3",
    )


def test_sample_networks() -> None:
    for path in sample_models("fastinference", "trained"):
        graph = import_model(path)
        x, y = sample_io(path, rows=2)
        for step in PASSES:
            run_passes(graph, [step])
            actual = evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0].name]
            assert np.abs(actual - y).max() <= 1e-5 * np.abs(y).max(), (path, step)
        if "bmlp" in path.name or "verbatim" in path.parts[-2]:
            assert op_types(graph) == MLP, path
        if "bcnn" in path.name or "bnntest" in path.name:
            assert op_types(graph) == CNN, path


def test_other_samples_are_right_or_refused() -> None:
    for path in sample_models("torch", "larq", "qonnx"):
        try:
            graph = import_model(path)
        except BnnError:
            assert path.parent.name == "qonnx"
            continue
        run_passes(graph)
        x, y = sample_io(path, rows=2)
        actual = evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0].name]
        assert np.abs(actual - y).max() <= 1e-4 * np.abs(y).max(), path
