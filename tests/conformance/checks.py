"""Comparisons of an engine's answers with ONNX Runtime's.

With BatchNorm preserved and integer pixels every sum of a binarized network is an integer that
float32 holds exactly, so bits and logits must be equal. With BatchNorm folded into the weights, or
with real inputs, sums round: layer by layer, a bit may differ only where the number behind it lies
within the derived bound of zero.
"""

from __future__ import annotations

import numpy as np

import bnn_engine
from tests.conformance.cases import Case, Images, Tensors
from tests.support.bounds import Bounded


def check_case(subject: Case) -> bnn_engine.Engine:
    """Compare everything that ``subject`` computes; returns an engine of the plain network."""
    tapped = bnn_engine.load(subject.tapped)
    plain = bnn_engine.load(subject.path)
    for images, wanted, bounded in (
        (subject.pixels, subject.expected_pixels, subject.bounded_pixels),
        (subject.real, subject.expected_real, subject.bounded_real),
    ):
        got = tapped.run({"input": images})
        if subject.binary and not subject.folded and images is subject.pixels:
            check_exactly(subject, got)
        else:
            check_rows_without_flips(subject, got, wanted, bounded)
            check_layer_by_layer(subject, wanted, bounded, images)
        np.testing.assert_array_equal(plain.predict(images), got["output"])
    return plain


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


def check_layer_by_layer(
    subject: Case, wanted: Tensors, bounded: dict[str, Bounded], images: Images
) -> None:
    """Each layer is given the bits that it had in ONNX Runtime."""
    for index, sign in enumerate([*subject.signs, None]):
        engine = bnn_engine.load(subject.stage(index))
        feeds = {"input": images}
        if index > 0:
            feeds["bits"] = wanted[subject.signs[index - 1]]
        got = engine.run({info.name: feeds[info.name] for info in engine.inputs})
        if sign is None:
            check_floats(
                subject.logits, got[subject.logits], wanted[subject.logits], bounded[subject.logits]
            )
            check_floats("output", got["output"], wanted["output"], bounded["output"])
            continue
        assert set(np.unique(got[sign])) == {-1.0, 1.0}
        differs = got[sign] != wanted[sign]
        before = bounded[subject.before_sign(sign)]
        assert np.all(np.abs(before.value[differs]) <= before.error[differs]), sign


def check_rows_without_flips(
    subject: Case, got: Tensors, wanted: Tensors, bounded: dict[str, Bounded]
) -> None:
    """The network as a whole, for the images whose bits are all ONNX Runtime's."""
    same = np.ones(len(got["output"]), bool)
    for sign in subject.signs:
        same &= (got[sign] == wanted[sign]).reshape(len(same), -1).all(axis=1)
    if "-random." in subject.name:  # elsewhere sums are often exactly at a threshold
        assert same.mean() > 0.9
    for name in (subject.logits, "output"):
        limits = Bounded(bounded[name].value[same], bounded[name].error[same])
        check_floats(name, got[name][same], wanted[name][same], limits)
