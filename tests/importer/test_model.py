from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnn_engine.errors import BnnError, ModelFormatError, UnsupportedOpError
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model, model
from bnn_engine.passes import run_passes
from tests.support.onnx_models import graph_from_text, model_from_text, run_onnxruntime
from tests.support.sample_models import sample_io, sample_models
from tests.support.seed_networks import binary_cnn, binary_mlp


def packed() -> onnx.ModelProto:
    graph = import_model(binary_cnn(0).model)
    run_passes(graph)
    return to_model(graph)


def test_packed_models_load_without_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed()

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(model, "infer_shapes", fail)
    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    graph = import_model(data)
    assert all(v.shape is not None and v.dtype is not None for v in graph.values().values())


def test_one_error_lists_everything() -> None:
    broken = model_from_text(
        """g (float[N, 3] x) => (float[] y, float[] ghost) {
            a = custom.Foo(x)  b = NoSuchOp(a)  c = Neg<axis = 1>(b)  d = Add(c)  y = Abs(lost)
        }""",
        {"w": np.ones(4, np.float32)},
    )
    broken.graph.initializer[0].dims[0] = 5
    with pytest.raises(ModelFormatError) as caught:
        import_model(broken)
    wanted = ("'w': holds", "'lost' does", "'ghost' does", "Foo", "NoSuchOp", "'axis'", "1 inputs")
    assert len(caught.value.problems) == len(wanted)
    for text in wanted:
        assert sum(text in line for line in caught.value.problems) == 1, text


def test_ops_that_cannot_be_converted_are_listed_with_unknown_ones() -> None:
    text = """g (float[N, M, L] x) => (float[A, B, C] y) {
        u = Scan<num_scan_inputs = 1, body = step (float[L] a) => (float[L] b) { b = Neg(a) }>(, x)
        y = NoSuchOp(u)
    }"""
    old = model_from_text(text, opset=8)
    with pytest.raises(UnsupportedOpError) as caught:
        import_model(old)
    assert len(caught.value.problems) == 2


def _edit_weights(data: onnx.ModelProto) -> None:
    tensor = next(t for t in data.graph.initializer if t.data_type == onnx.TensorProto.UINT8)
    tensor.dims[0] //= 2
    tensor.raw_data = tensor.raw_data[: tensor.dims[0] * tensor.dims[1]]
    tensor.dims[1] += 1
    tensor.raw_data += bytes(tensor.dims[0])


def _edit_attribute(data: onnx.ModelProto) -> None:
    node = next(n for n in data.graph.node if n.op_type == "BinaryConv")
    next(a for a in node.attribute if a.name == "strides").ints[0] = 0


def _edit_inputs(data: onnx.ModelProto) -> None:
    del next(n for n in data.graph.node if n.op_type == "Binarize").input[2]


@pytest.mark.parametrize("edit", [_edit_weights, _edit_attribute, _edit_inputs])
def test_hostile_packed_models_are_refused(edit: Any) -> None:
    data = packed()
    edit(data)
    with pytest.raises(ModelFormatError, match=r"node .* \(Bin"):
        import_model(data)


@pytest.mark.parametrize("make", [binary_mlp, binary_cnn])
def test_imported_models_compute_the_same(make: Any) -> None:
    example = make(6)
    (expected,) = run_onnxruntime(example.model, {"x": example.x})
    actual = evaluate(import_model(example.model), {"x": example.x})["y"]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_large_weights_keep_name_and_value() -> None:
    weights = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    graph = graph_from_text(
        "g (float[N, 300] x) => (float[N, 40] y) { y = MatMul(x, weights) }",
        {"weights": weights},
        opset=11,
    )
    np.testing.assert_array_equal(graph.values()["weights"].const, weights)
    assert graph.outputs[0].shape == ("N", 40)


SEEDS = [binary_mlp(7).model.SerializeToString(), binary_cnn(7).model.SerializeToString()]


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 1),
    edits=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.none() | st.integers(0, 2**20),
)
def test_damaged_files_are_refused_or_load(
    which: int, edits: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray(SEEDS[which])
    for position, value in edits:
        data[position % len(data)] = value
    if cut is not None:
        del data[cut % len(data) :]
    try:
        graph = import_model(bytes(data))
        run_passes(graph)
    except BnnError:
        return
    graph.check()


def test_sample_models_load() -> None:
    for path in sample_models("fastinference", "trained"):
        graph = import_model(path)
        x, y = sample_io(path, rows=8)
        actual = evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0].name]
        assert np.abs(actual - y).max() <= 1e-5 * np.abs(y).max(), path
