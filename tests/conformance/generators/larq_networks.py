"""Exports the networks of Larq Zoo through tf2onnx.

    pip install -r tests/conformance/generators/requirements-larq.txt
    python -m tests.conformance.generators.larq_networks tests/conformance/fixtures/networks

from the repository's root writes ``larq-NETWORK.onnx.xz``; with ``--full FOLDER`` also each whole
model with its weights. The architectures are the zoo's own, at a smaller image size; the dense
layers of its AlexNets, 4096 wide, get fewer units, since they are nothing but memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import larq_zoo
import numpy as np
import tensorflow as tf
import tf2onnx
from larq_zoo.literature import binary_alex_net, dorefanet, xnornet

from tests.conformance.generators.export import store
from tests.conformance.generators.parameters import Parameters, coarse_statistics

CLASSES = 10
UNITS = 512
CALIBRATION_IMAGES = 8


@dataclass(frozen=True)
class Fixture:
    """One network.

    Attributes:
        name: of the file.
        build: makes the Keras model from keyword arguments.
        side: height and width of the images.
        layers: how many layers of each kind the architecture has.
        opset: to export.
    """

    name: str
    build: Callable[..., Any]
    side: int
    layers: dict[str, int]
    opset: int = 17


@contextmanager
def narrow(module: Any, *layers: str) -> Iterator[None]:
    """While open, ``module`` builds layers of 4096 units with :data:`UNITS` instead."""
    with mock.patch.object(module, "lq", _Narrow(module.lq, layers)):
        yield


class _Narrow:
    """Larq, with fewer units."""

    def __init__(self, original: Any, layers: tuple[str, ...]) -> None:
        self._original = original
        self._layers = layers

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._original, name)
        if name == "layers":
            return _Narrow(found, self._layers)
        if name not in self._layers:
            return found
        return lambda units, *args, **kwargs: found(min(units, UNITS), *args, **kwargs)


def binary_alexnet(**options: Any) -> Any:
    with narrow(binary_alex_net, "QuantConv2D"):
        return larq_zoo.literature.BinaryAlexNet(**options)


def xnor_net(**options: Any) -> Any:
    with narrow(xnornet, "QuantConv2D"):
        return larq_zoo.literature.XNORNet(**options)


def dorefa_net(**options: Any) -> Any:
    with narrow(dorefanet, "QuantDense"):
        return larq_zoo.literature.DoReFaNet(**options)


FIXTURES = (
    Fixture("quicknet", larq_zoo.sota.QuickNet, 64, {"W1A1": 16, "float": 10}),
    Fixture("birealnet", larq_zoo.literature.BiRealNet, 64, {"W1A1": 16, "float": 5}, opset=11),
    Fixture(
        "binary_densenet28",
        larq_zoo.literature.BinaryDenseNet28,
        64,
        {"W1A1": 23, "float": 5},
        opset=13,
    ),
    Fixture("real_to_binary", larq_zoo.literature.RealToBinaryNet, 64, {"W1A1": 16, "float": 37}),
    Fixture(
        "meliusnet22", larq_zoo.literature.MeliusNet22, 64, {"W1A1": 34, "float": 17}, opset=15
    ),
    Fixture("binary_alexnet", binary_alexnet, 96, {"W1A32": 1, "W1A1": 7}, opset=12),
    Fixture("xnornet", xnor_net, 224, {"W1A1": 6, "float": 2}, opset=18),
    Fixture("dorefanet", dorefa_net, 224, {"W1A2": 6, "float": 2}),
)


def set_parameters(model: Any, parameters: Parameters) -> None:
    """Fill in everything, then take the BatchNorms' statistics from a few images."""
    norms = []
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            norms.append(layer)
            layer.momentum = 0.0  # what one call in training mode sees becomes the statistics
        for weight in layer.trainable_weights:
            weight.assign(values(weight, parameters))
    model(parameters.images((CALIBRATION_IMAGES, *model.input_shape[1:])), training=True)
    for norm in norms:
        mean, variance = coarse_statistics(norm.moving_mean, norm.moving_variance)
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)
    calm(model, parameters)


def calm(model: Any, parameters: Parameters) -> None:
    """Scale a float last layer so that the Softmax behind it does not hide its input."""
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    if isinstance(last, tf.keras.layers.BatchNormalization):
        return
    logits = tf.keras.Model(model.inputs, model.layers[-1].input)
    seen = np.std(logits(parameters.images((CALIBRATION_IMAGES, *model.input_shape[1:]))))
    kernel = parameters.drawn[-1]
    parameters.drawn[-1] = dataclasses.replace(kernel, scale=float(np.float32(kernel.scale / seen)))
    last.kernel.assign(parameters.drawn[-1].values())


def values(weight: Any, parameters: Parameters) -> Any:
    """A value for one variable."""
    shape, (_, _, name) = tuple(weight.shape), weight.name.rpartition("/")
    match name.partition(":")[0]:
        case "kernel" | "depthwise_kernel":
            fan_in = int(np.prod(shape[:-1])) if "depthwise" not in name else shape[0] * shape[1]
            return parameters.weights(shape, min(0.3, np.sqrt(2 / fan_in)))
        case "gamma":
            return parameters.scales(shape[0])
        case "alpha":  # PReLU's slopes, negative ones too
            return parameters.around(0.125, 0.25, int(np.prod(shape))).reshape(shape)
        case "beta" | "bias":
            return parameters.shifts(shape[0])
    raise ValueError(weight.name)


def export(fixture: Fixture, folder: Path, full: Path | None) -> None:
    """Write one fixture."""
    tf.keras.utils.set_random_seed(0)
    tf.keras.backend.clear_session()
    shape = (fixture.side, fixture.side, 3)
    model = fixture.build(input_shape=shape, weights=None, num_classes=CLASSES)
    parameters = Parameters(fixture.name)
    set_parameters(model, parameters)
    signature = (tf.TensorSpec((None, *shape), tf.float32, name="input"),)
    exported, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=fixture.opset)
    store(f"larq-{fixture.name}", exported, parameters.drawn, fixture.layers, folder, full)


def main() -> int:
    """Export all fixtures into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", type=Path)
    parser.add_argument("--only", default="", help="part of the names to export")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for fixture in FIXTURES:
        if arguments.only in fixture.name:
            export(fixture, arguments.folder, arguments.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
