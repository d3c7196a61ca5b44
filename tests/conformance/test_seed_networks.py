"""The four networks of the seed in every form that exporters give, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import bnn_engine
from bnn_engine.importer import model as importer
from bnn_engine.passes import BatchAxis, Pass
from tests.conformance.cases import NAMES, ROWS, Images, Tensors, case
from tests.conformance.checks import check_case
from tests.support import isas, ort

BINARY = [name for name in NAMES if name.startswith("b")]
TIED = [name for name in BINARY if "-ties." in name or "-negative.ts_op11_preserve" in name]


def outputs(engine: bnn_engine.Engine, images: Images) -> Tensors:
    return engine.run({"input": images})


def test_fixtures_cover_every_exporter() -> None:
    """The list of forms is part of what is promised."""
    forms = {(name.split("-")[0].split("_")[0], name.split(".")[1]) for name in NAMES}
    exporters = [f"ts_op{opset}_{mode}" for opset in (11, 12, 17) for mode in ("eval", "preserve")]
    exporters += ["dynamo_op18", "documented"]
    networks = ("mlp", "bmlp", "cnn", "bcnn")
    assert forms == {(network, exporter) for network in networks for exporter in exporters}


@pytest.mark.parametrize("name", NAMES)
def test_equals_onnx_runtime(name: str, isa: str) -> None:
    subject = case(name)
    plain = check_case(subject)
    isas.check_kernels(plain, isa)
    isas.record(plain)


@pytest.mark.parametrize("name", NAMES)
def test_rows_do_not_depend_on_the_batch(name: str, isa: str) -> None:
    subject = case(name)
    engine = bnn_engine.load(subject.path)
    for images in (subject.pixels, subject.real):
        whole = engine.predict(images)
        assert whole.shape == (ROWS, 10)
        rows = [engine.predict(images[i : i + 1]) for i in range(ROWS)]
        np.testing.assert_array_equal(np.concatenate(rows), whole)
        np.testing.assert_array_equal(engine.predict(images[5:8]), whole[5:8])
    empty = engine.predict(subject.pixels[:0])
    assert (empty.shape, empty.dtype) == ((0, 10), np.float32)
    del isa


@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_change_a_bit(name: str) -> None:
    subject = case(name)
    answers = [
        bnn_engine.load(subject.path, num_threads=n).predict(subject.real) for n in (1, 2, 4)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


@pytest.mark.parametrize("name", BINARY)
def test_isas_agree_to_the_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded networks too: integers behind ±1 weights are exact, and the epilogue rounds alike."""
    subject = case(name)
    answers = []
    for isa in isas.supported():
        monkeypatch.setenv("BNN_ENGINE_ISA", isa)
        answers.append(bnn_engine.load(subject.path).predict(subject.pixels))
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


@pytest.mark.parametrize("name", NAMES)
def test_summary_reports_binary_layers(name: str) -> None:
    layers = bnn_engine.load(case(name).path, fallback="error").summary().layers
    assert {layer.executor for layer in layers} == {"native"}
    kinds = [layer.kind for layer in layers if layer.binary_macs or layer.float_macs]
    depth = 3 if "mlp" in name else 4
    assert kinds == (
        ["W1A32"] + ["W1A1"] * (depth - 1) if name.startswith("b") else ["float"] * depth
    )


@pytest.mark.parametrize("name", TIED)
def test_fixtures_have_ties_at_thresholds(name: str) -> None:
    """What the exact comparison above is worth."""
    subject = case(name)
    for sign in subject.signs:
        assert np.sum(subject.expected_pixels[subject.before_sign(sign)] == 0) > 0


@pytest.mark.parametrize("name", NAMES)
def test_packed_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = case(name)
    model = ort.with_outputs(subject.model, [subject.logits, "output"])
    files = []
    for isa in isas.supported():
        monkeypatch.setenv("BNN_ENGINE_ISA", isa)
        engine = bnn_engine.load(model)
        files.append(tmp_path / f"{isa}.onnx")
        engine.save(files[-1])
        reloaded = bnn_engine.load(files[-1])
        for images in (subject.pixels, subject.real):
            before, after = outputs(engine, images), outputs(reloaded, images)
            np.testing.assert_array_equal(after[subject.logits], before[subject.logits])
            np.testing.assert_array_equal(after["output"], before["output"])
        assert [(x.name, x.kind, x.kernel) for x in reloaded.summary().layers] == [
            (x.name, x.kind, x.kernel) for x in engine.summary().layers
        ]
    assert len({file.read_bytes() for file in files}) == 1

    theirs = ort.run(files[0], {"input": subject.pixels})
    ours = outputs(bnn_engine.load(files[0]), subject.pixels)
    if subject.binary:
        np.testing.assert_array_equal(theirs[subject.logits], ours[subject.logits])
        np.testing.assert_array_equal(theirs["output"].argmax(1), ours["output"].argmax(1))
    for tensor in (subject.logits, "output"):
        distance = np.abs(theirs[tensor].astype(np.float64) - ours[tensor])
        assert np.all(distance <= 2 * subject.bounded_pixels[tensor].error)


@pytest.mark.parametrize("name", BINARY)
def test_packed_file_has_only_bits_for_weights(name: str, tmp_path: Path) -> None:
    bnn_engine.load(case(name).path).save(tmp_path / "packed.onnx")
    constants = onnx.load(tmp_path / "packed.onnx").graph.initializer
    layers = [tensor for tensor in constants if tensor.data_type == onnx.TensorProto.UINT8]
    assert len(layers) == (3 if "mlp" in name else 4)
    outputs = max(tensor.dims[0] for tensor in layers)
    others = [tensor for tensor in constants if tensor not in layers]
    assert all(np.prod(tensor.dims) <= outputs for tensor in others)


@pytest.mark.parametrize(
    "name", ["bmlp-random.documented.dynamic", "bcnn_chain-random.ts_op17_eval.dynamic"]
)
def test_packed_file_needs_no_analysis(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = case(name)
    engine = bnn_engine.load(subject.path)
    engine.save(tmp_path / "packed.onnx")

    def refuse(*_: object) -> None:
        raise AssertionError("analysis")

    for kind in subclasses(Pass):
        if kind is not BatchAxis and "run" in vars(kind):
            monkeypatch.setattr(kind, "run", refuse)
    monkeypatch.setattr(importer, "infer_shapes", refuse)
    monkeypatch.setattr(importer, "convert_opset", refuse)
    with pytest.raises(AssertionError, match="analysis"):
        bnn_engine.load(subject.path)
    packed = bnn_engine.load(tmp_path / "packed.onnx")
    np.testing.assert_array_equal(packed.predict(subject.pixels), engine.predict(subject.pixels))


def subclasses(kind: type) -> set[type]:
    direct: list[type] = kind.__subclasses__()
    return {*direct}.union(*(subclasses(child) for child in direct))
