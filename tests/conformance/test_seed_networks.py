"""The four networks of the seed in every form that exporters give, against ONNX Runtime.

With BatchNorm preserved and integer pixels every sum of a binarized network is an integer that
float32 holds exactly, so bits and logits must be equal. With BatchNorm folded into the weights, or
with real inputs, sums round: layer by layer, a bit may differ only where the number behind it lies within
the derived bound of zero.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import bnn_engine
from bnn_engine.importer import model as importer
from bnn_engine.passes import BatchAxis, Pass
from tests.conformance.cases import NAMES, ROWS, Case, Images, Tensors, case
from tests.support import isas, ort
from tests.support.bounds import Bounded

BINARY = [name for name in NAMES if name.startswith("b")]
TIED = [name for name in BINARY if "-ties." in name or "-negative.ts_op11_preserve" in name]


def outputs(engine: bnn_engine.Engine, images: Images) -> Tensors:
    return engine.run({"input": images})


def check_floats(name: str, got: Images, wanted: Images, bounded: Bounded) -> None:
    distance = np.abs(got.astype(np.float64) - wanted)
    excess = (distance - 2 * bounded.error).max(initial=-np.inf)
    assert excess <= 0, f"{name!r} is off by {excess} more than two evaluations may be"


def check_exactly(subject: Case, got: Tensors) -> None:
    """Tapped outputs for ``pixels`` of a network without folded weights."""
    wanted = subject.expected_pixels
    for name in (*subject.signs, subject.logits):
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)
    check_floats("output", got["output"], wanted["output"], subject.bounded_pixels["output"])
    np.testing.assert_array_equal(got["output"].argmax(1), wanted["output"].argmax(1))


def check_layer_by_layer(subject: Case, wanted: Tensors, bounded: dict[str, Bounded], images: Images) -> None:
    """Each layer is given the bits that it had in ONNX Runtime."""
    for index, sign in enumerate([*subject.signs, None]):
        engine = bnn_engine.load(subject.stage(index))
        feed = wanted[subject.signs[index - 1]] if index else images
        got = engine.run({engine.inputs[0].name: feed})
        if sign is None:
            check_floats(subject.logits, got[subject.logits], wanted[subject.logits], bounded[subject.logits])
            check_floats("output", got["output"], wanted["output"], bounded["output"])
            continue
        assert set(np.unique(got[sign])) == {-1.0, 1.0}
        differs = got[sign] != wanted[sign]
        before = bounded[subject.before_sign(sign)]
        assert np.all(np.abs(before.value[differs]) <= before.error[differs]), sign


def check_rows_without_flips(subject: Case, got: Tensors, wanted: Tensors, bounded: dict[str, Bounded]) -> None:
    """The network as a whole, for the images whose bits are all ONNX Runtime's."""
    same = np.ones(len(got["output"]), bool)
    for sign in subject.signs:
        same &= (got[sign] == wanted[sign]).reshape(len(same), -1).all(axis=1)
    if "-random." in subject.name:  # elsewhere sums are often exactly at a threshold
        assert same.mean() > 0.9
    for name in (subject.logits, "output"):
        limits = Bounded(bounded[name].value[same], bounded[name].error[same])
        check_floats(name, got[name][same], wanted[name][same], limits)


def test_fixtures_cover_every_exporter() -> None:
    """The list of forms is part of what is promised."""
    forms = {(name.split("-")[0].split("_")[0], name.split(".")[1]) for name in NAMES}
    exporters = [f"ts_op{opset}_{mode}" for opset in (11, 12, 17) for mode in ("eval", "preserve")]
    exporters += ["dynamo_op18", "documented"]
    networks = ("mlp", "bmlp", "cnn", "bcnn")
    assert forms == {(network, exporter) for network in networks for exporter in exporters}
    sizes = [path.stat().st_size for path in case(NAMES[0]).path.parent.iterdir()]
    assert sum(sizes) < 1_500_000


@pytest.mark.parametrize("name", NAMES)
def test_equals_onnx_runtime(name: str, isa: str) -> None:
    subject = case(name)
    engine = bnn_engine.load(subject.tapped)
    got = outputs(engine, subject.pixels)
    if subject.binary and not subject.folded:
        check_exactly(subject, got)
    else:
        check_rows_without_flips(subject, got, subject.expected_pixels, subject.bounded_pixels)
        check_layer_by_layer(subject, subject.expected_pixels, subject.bounded_pixels, subject.pixels)
    got_real = outputs(engine, subject.real)
    check_rows_without_flips(subject, got_real, subject.expected_real, subject.bounded_real)
    check_layer_by_layer(subject, subject.expected_real, subject.bounded_real, subject.real)

    plain = bnn_engine.load(subject.path)
    np.testing.assert_array_equal(plain.predict(subject.pixels), got["output"])
    np.testing.assert_array_equal(plain.predict(subject.real), got_real["output"])
    assert isas.kernel_isas(plain) == {isa}
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
    answers = [bnn_engine.load(subject.path, num_threads=n).predict(subject.real) for n in (1, 2, 4)]
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
    assert kinds == (["W1A32"] + ["W1A1"] * (depth - 1) if name.startswith("b") else ["float"] * depth)


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
def test_packed_file_is_small(name: str, tmp_path: Path) -> None:
    """No float weights are left in it."""
    bnn_engine.load(case(name).path).save(tmp_path / "packed.onnx")
    packed = onnx.load(tmp_path / "packed.onnx").graph.initializer
    stored = sum(len(tensor.raw_data) for tensor in packed)
    original = sum(int(np.prod(tensor.dims)) for tensor in case(name).model.graph.initializer)
    assert stored < original / 8 + 8 * original**0.5 * 16


@pytest.mark.parametrize("name", ["bmlp-random.documented.dynamic", "bcnn_chain-random.ts_op17_eval.dynamic"])
def test_packed_file_needs_no_analysis(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = case(name)
    engine = bnn_engine.load(subject.path)
    engine.save(tmp_path / "packed.onnx")

    def refuse(*_: object) -> None:
        raise AssertionError("analysis")

    for kind in every_subclass(Pass):
        if kind is not BatchAxis and "run" in vars(kind):
            monkeypatch.setattr(kind, "run", refuse)
    monkeypatch.setattr(importer, "infer_shapes", refuse)
    monkeypatch.setattr(importer, "convert_opset", refuse)
    with pytest.raises(AssertionError, match="analysis"):
        bnn_engine.load(subject.path)
    packed = bnn_engine.load(tmp_path / "packed.onnx")
    np.testing.assert_array_equal(packed.predict(subject.pixels), engine.predict(subject.pixels))


def every_subclass(kind: type) -> set[type]:
    return {kind}.union(*(every_subclass(child) for child in kind.__subclasses__()))
