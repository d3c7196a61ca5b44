"""Inputs and outputs by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import DTypeError, ShapeError
from tests.conformance.cases import NAMES, case
from tests.support import ort
from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import model_from_text

Images = NDArray[np.float32]

TWO_INPUTS = """g (float[N, 3] a, int64[N, 3] b) => (float[] sum, int64[] twice) {
    c = Cast<to=1>(b)
    sum = Add(a, c)
    twice = Add(b, b)
}"""
A = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
B = np.array([[7, 8, 9], [1, 2, 3]], np.int64)


def test_one_input(engine: bnn_engine.Engine, digits: Images) -> None:
    got = engine.run({"input": digits})
    assert list(got) == ["output"]
    np.testing.assert_array_equal(got["output"], engine.predict(digits))


def test_several_inputs_and_outputs() -> None:
    engine = assert_equal_answers(model_from_text(TWO_INPUTS), {"a": A, "b": B}, None)
    assert [(x.name, str(x.dtype)) for x in engine.inputs] == [("a", "float32"), ("b", "int64")]
    assert [(x.name, str(x.dtype)) for x in engine.outputs] == [
        ("sum", "float32"),
        ("twice", "int64"),
    ]
    assert list(engine.run({"b": B, "a": A}, outputs=["twice"])) == ["twice"]
    assert list(engine.run({"b": B, "a": A}, outputs=["twice", "sum"])) == ["twice", "sum"]
    assert list(engine.run({"b": B, "a": A}, outputs="sum")) == ["sum"]
    assert engine.run({"b": B, "a": A}, outputs=[]) == {}
    with pytest.raises(ShapeError, match="inputs 'a', 'b': pass them to run"):
        engine.predict(A)


def test_predict_gives_a_tuple_for_several_outputs() -> None:
    text = "g (float[N, 3] x) => (float[] y, float[] z) { y = Relu(x) z = Neg(x) }"
    engine = bnn_engine.load(model_from_text(text))
    got = engine.predict(-A)
    assert isinstance(got, tuple)
    np.testing.assert_array_equal(got[0], np.zeros_like(A))
    np.testing.assert_array_equal(got[1], A)
    with pytest.raises(ShapeError, match="out= needs a network with one output"):
        engine.predict(A, out=np.zeros_like(A))


@pytest.mark.parametrize(
    ("feeds", "error", "text"),
    [
        ({"a": A}, ShapeError, r"missing \['b'\]"),
        ({}, ShapeError, r"missing \['a', 'b'\]"),
        ({"a": A, "b": B, "c": A}, ShapeError, r"unknown \['c'\]"),
        ({"a": A, "B": B}, ShapeError, r"unknown \['B'\] and missing \['b'\]"),
        ({"a": A, "b": B[:1]}, ShapeError, r"'N' is 2 in input 'a' but 1 in axis 0 of 'b'"),
        ({"a": A[0], "b": B}, ShapeError, r"'a' must have shape \[N, 3\], got \[3\]"),
        ({"a": A, "b": B[:, :2]}, ShapeError, r"'b' must have shape \[N, 3\], got \[2, 2\]"),
        ({"a": A, "b": B.astype(np.int32)}, DTypeError, "'b' must have dtype int64, got int32"),
        ({"a": A.astype(float), "b": B}, DTypeError, "'a' must have dtype float32, got float64"),
        ({"a": A.tolist(), "b": B}, DTypeError, "'a' must have dtype float32, got float64"),
        ({"a": None, "b": B}, DTypeError, "'a' has dtype object"),
        ([A, B], DTypeError, "dict of inputs by name, not list"),
        (A, DTypeError, "dict of inputs by name, not ndarray"),
    ],
)
def test_feeds_that_do_not_fit(feeds: Any, error: type[Exception], text: str) -> None:
    engine = bnn_engine.load(model_from_text(TWO_INPUTS))
    with pytest.raises(error, match=text):
        engine.run(feeds)


def test_memory_layout_does_not_matter_to_run(engine: bnn_engine.Engine, digits: Images) -> None:
    wanted = engine.predict(digits)
    for same in (digits.astype(">f4"), np.asfortranarray(digits), np.repeat(digits, 2, 0)[::2]):
        np.testing.assert_array_equal(engine.run({"input": same})["output"], wanted)


EXACT = [name for name in NAMES if name.startswith("b") and "_preserve." in name]


@pytest.mark.parametrize("name", EXACT)
def test_any_tensor_of_the_original_graph(name: str) -> None:
    subject = case(name)
    names = [*subject.signs, *(subject.before_sign(sign) for sign in subject.signs)]
    names += [subject.logits, "output"]
    engine = bnn_engine.load(subject.path)
    got = engine.run({"input": subject.pixels}, outputs=names)
    assert list(got) == names
    for tensor in names[:-1]:
        np.testing.assert_array_equal(got[tensor], subject.expected_pixels[tensor])
    np.testing.assert_array_equal(got["output"], engine.predict(subject.pixels))


def test_a_tensor_of_a_frozen_network_for_any_batch() -> None:
    subject = case("bcnn-ties.ts_op12_preserve.frozen")
    sign = subject.signs[1]
    got = bnn_engine.load(subject.path).run({"input": subject.pixels}, outputs=[sign])
    np.testing.assert_array_equal(got[sign], subject.expected_pixels[sign])


def test_unknown_outputs_are_named(engine: bnn_engine.Engine, digits: Images) -> None:
    with pytest.raises(ShapeError, match="no-such-tensor"):
        engine.run({"input": digits}, outputs=["output", "no-such-tensor"])


def test_an_unfused_run_checks_shapes_too(engine: bnn_engine.Engine, digits: Images) -> None:
    tensor = onnx.load(bnn_engine.models.path("mnist-bmlp")).graph.node[0].output[0]
    assert engine.run({"input": digits}, outputs=[tensor])[tensor].shape == (6, 128)
    with pytest.raises(ShapeError, match="'input' must have shape"):
        engine.run({"input": digits[:, :5]}, outputs=[tensor])


ODD_OUTPUTS = {
    "a constant": ("g (float[N, 3] a) => (float[] y, float[] k) { y = Relu(a) }", "k"),
    "a copied constant": ("g (float[N, 3] a) => (float[] y) { y = Identity(k) }", "y"),
    "the input": ("g (float[N, 3] a) => (float[] a) { }", "a"),
    "the input and more": ("g (float[N, 3] a) => (float[] a, float[] y) { y = Relu(a) }", "a"),
    "a copied input": ("g (float[N, 3] a) => (float[] y) { y = Identity(a) }", "y"),
    "a reshaped input": ("g (float[N, 3] a) => (float[] y) { y = Reshape(a, s) }", "y"),
    "a view": ("g (int64[N, 3] b) => (int64[] y) { y = Reshape(b, s) }", "y"),
    "one value twice": (
        "g (float[N, 3] a) => (float[] y, float[] z) { y = Relu(a) z = Identity(y) }",
        "z",
    ),
    "two views": (
        """g (int64[N, 3] b) => (int64[] y, int64[] z) {
            t = Add(b, b) y = Reshape(t, s) z = Reshape(t, s) }""",
        "z",
    ),
}


@pytest.mark.parametrize("kind", ODD_OUTPUTS)
def test_outputs_are_memory_of_their_own(kind: str) -> None:
    text, name = ODD_OUTPUTS[kind]
    model = model_from_text(
        text, {"k": np.array([1, 2], np.float32), "s": np.array([-1], np.int64)}
    )
    kept = {node for output in model.graph.node for node in output.input}
    kept |= {output.name for output in model.graph.output}
    for tensor in [t for t in model.graph.initializer if t.name not in kept]:
        model.graph.initializer.remove(tensor)
    feeds: dict[str, Any] = {"a": A.copy(), "b": B.copy()}
    feeds = {info.name: feeds[info.name] for info in model.graph.input}
    engine = assert_equal_answers(model, feeds, None)
    got = engine.run(feeds)
    wanted = ort.run(model, feeds)
    others = [array for other, array in got.items() if other != name]
    assert not any(np.shares_memory(got[name], other) for other in (*feeds.values(), *others))
    got[name][...] = 99
    for other, array in engine.run(feeds).items():
        np.testing.assert_array_equal(array, wanted[other])
