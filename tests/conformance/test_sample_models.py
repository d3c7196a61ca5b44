"""Models and data that are too large, or not free enough, to be committed.

``BNN_ENGINE_TEST_MODELS`` names a folder with ``fastinference/*.onnx`` and ``trained/*.onnx``, each
with its inputs ``x`` and ONNX Runtime's outputs ``y`` in an ``.npz`` beside it;
``BNN_ENGINE_TEST_DATA`` one with MNIST's test set in ``mnist/t10k-*-ubyte.gz``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pytest

import bnn_engine
from bnn_engine.datasets import LabelledImages, load_idx
from tests.conformance.cases import Case, Images
from tests.conformance.checks import check_case
from tests.support import ort
from tests.support.bounds import Bounded


def folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


MODELS = folder("BNN_ENGINE_TEST_MODELS")
DATA = folder("BNN_ENGINE_TEST_DATA")

needs_models = pytest.mark.skipif(MODELS is None, reason="BNN_ENGINE_TEST_MODELS is not set")
needs_data = pytest.mark.skipif(DATA is None, reason="BNN_ENGINE_TEST_DATA is not set")

SEED = sorted((MODELS / "fastinference").rglob("*.onnx")) if MODELS else []
TRAINED = [("bnntest", 0.8703), ("cnntest", 0.9849)]
SHIPPED = [("mnist-bmlp", 0.955), ("mnist-bcnn", 0.975), ("mnist-mlp", 0.945), ("mnist-cnn", 0.988)]


def trained(name: str) -> Path:
    assert MODELS is not None
    return MODELS / "trained" / f"{name}.onnx"


@cache
def mnist() -> LabelledImages:
    assert DATA is not None
    return load_idx(DATA / "mnist", "test")


@dataclass(frozen=True, eq=False)
class Sample(Case):
    """A network with stored images: digits, which have a label, and random numbers."""

    @cached_property
    def stored(self) -> dict[str, Images]:
        with np.load(self.path.with_suffix(".npz")) as arrays:
            return dict(arrays)

    @cached_property
    def pixels(self) -> Images:
        return self.stored["x"][self.stored["labels"] >= 0]

    @cached_property
    def real(self) -> Images:
        return self.stored["x"][self.stored["labels"] < 0]


@cache
def sample(path: Path) -> Sample:
    """What ONNX Runtime answers is computed once."""
    return Sample(path)


def check_sample(subject: Sample) -> None:
    engine = check_case(subject)
    digits = subject.stored["labels"] >= 0
    got, wanted = engine.predict(subject.pixels), subject.stored["y"][digits]
    limit: Bounded = subject.bounded_pixels["output"]
    same = np.abs(got - wanted).max(axis=1) <= 2 * limit.error.max(axis=1)
    # Bits of a folded network may differ where they are undecided.
    assert same.all() if not subject.folded else same.mean() > 0.95
    np.testing.assert_array_equal(got.argmax(1)[same], wanted.argmax(1)[same])


@needs_models
@pytest.mark.parametrize("path", SEED, ids=[path.stem for path in SEED])
def test_sample_of_the_seed(path: Path, isa: str) -> None:
    del isa
    check_sample(sample(path))


@needs_models
@pytest.mark.parametrize(("name", "accuracy"), TRAINED)
def test_third_party_sample(name: str, accuracy: float, isa: str) -> None:
    del accuracy, isa
    check_sample(sample(trained(name)))


@needs_models
@needs_data
@pytest.mark.parametrize(("name", "accuracy"), TRAINED)
def test_accuracy_of_third_party_models(name: str, accuracy: float) -> None:
    subject = sample(trained(name))
    images = mnist().images * subject.stored["x_scale"].astype(np.float32)
    np.testing.assert_array_equal(images[: len(subject.pixels)], subject.pixels)
    labels = bnn_engine.load(subject.path).predict(images).argmax(1)
    assert np.mean(labels == mnist().labels) == pytest.approx(accuracy, abs=1e-9)


@needs_data
@pytest.mark.parametrize(("name", "accuracy"), SHIPPED)
def test_shipped_models_on_mnist(name: str, accuracy: float) -> None:
    path = bnn_engine.models.path(name)
    images, wanted = mnist().images.astype(np.float32), mnist().labels
    assert len(images) == 10_000
    labels = bnn_engine.load(path).predict(images).argmax(1)
    assert np.mean(labels == wanted) >= accuracy
    np.testing.assert_array_equal(labels, ort.run(path, {"input": images})["output"].argmax(1))
