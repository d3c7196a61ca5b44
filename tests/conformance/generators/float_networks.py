"""Exports the seed's float networks from PyTorch with both of its exporters.

    pip install -r tests/conformance/generators/requirements-torch.txt
    python -m tests.conformance.generators.float_networks tests/conformance/fixtures/float

from the repository's root writes ``NETWORK.EXPORTER.onnx.xz``, a tenth as wide as the originals.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from tests.conformance.generators import float_models as models
from tests.conformance.generators.export import store
from tests.conformance.generators.parameters import Parameters
from tests.conformance.generators.torch_networks import Fixture, exported, set_parameters

IMAGENET = (3, 224, 224)
CIFAR = (3, 32, 32)
NETWORKS: tuple[tuple[str, Callable[[], nn.Module], tuple[int, ...], int, str], ...] = (
    ("alexnet", lambda: models.AlexNet(3), IMAGENET, 8, "ts_op11 ts_op17 dynamo"),
    ("alexnet_paper", lambda: models.AlexNetOfThePaper(2), (3, 227, 227), 8, "ts_op13 dynamo"),
    ("vgg16", lambda: models.Vgg16(4), IMAGENET, 16, "ts_op12 dynamo"),
    ("vgg16_cifar", lambda: models.Vgg16Cifar(6), CIFAR, 14, "ts_op9 ts_op17 dynamo"),
    ("vgg16_separable", lambda: models.Vgg16Separable(8), CIFAR, 26, "ts_op16 dynamo"),
    ("resnet18", lambda: models.ResNet(8, (2, 2, 2, 2), 1), IMAGENET, 21, "ts_op10 ts_op18 dynamo"),
    ("resnet50", lambda: models.ResNet(6, (3, 4, 6, 3), 4), IMAGENET, 54, "ts_op14 dynamo"),
    ("fire", lambda: models.FireCnn(4), (128, 128, 3), 10, "ts_op15 dynamo"),
    ("mlp", lambda: models.Mlp([784, 8, 16, 10]), (784,), 3, "ts_op7 dynamo"),
    ("cnn", lambda: models.Cnn(8), (1, 28, 28), 4, "ts_op8 ts_op20 dynamo dynamo_raw"),
)
"""Name, network, shape of an input, layers with weights, exporters."""

TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "double": torch.float64}


def fixtures() -> Iterator[Fixture]:
    """All of them."""
    for name, build, image, layers, exporters in NETWORKS:
        for exporter in exporters.split():
            yield Fixture(name, exporter, build, image, {"float": layers})


def unoptimized(network: nn.Module, image: tuple[int, ...]) -> onnx.ModelProto:
    """Export by dynamo without its optimizer, which folds shapes and BatchNorms."""
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.onnx.export(
        network,
        (torch.zeros(2, *image),),
        dynamo=True,
        dynamic_shapes=shapes,
        optimize=False,
        verbose=False,
        input_names=["input"],
        output_names=["output"],
    )
    assert program is not None
    return program.model_proto


def converted(network: nn.Module, image: tuple[int, ...], dtype: torch.dtype) -> onnx.ModelProto:
    """Export a network of another element type."""
    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    buffer: Any = io.BytesIO()
    torch.onnx.export(
        deepcopy(network).to(dtype),
        (torch.zeros(2, *image, dtype=dtype),),
        buffer,
        dynamo=False,
        opset_version=17,
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        **names,
    )
    return onnx.load_model_from_string(buffer.getvalue())


def export(fixture: Fixture, folder: Path) -> None:
    """Write one fixture, and small networks in other element types too."""
    network = fixture.build()
    parameters = Parameters(fixture.name)
    set_parameters(network, parameters, fixture.image)
    if fixture.exporter == "dynamo_raw":
        model = unoptimized(network, fixture.image)
    else:
        model = exported(network, fixture.exporter, fixture.image)
    stem = f"{fixture.name}.{fixture.exporter}"
    store(stem, model, parameters.drawn, fixture.layers, folder)
    if fixture.name in ("mlp", "cnn") and fixture.exporter == "dynamo":
        for name, dtype in TYPES.items():
            model = converted(network, fixture.image, dtype)
            store(f"{fixture.name}.{name}", model, [], fixture.layers, folder)


def main() -> int:
    """Export all fixtures into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="part of the names to export")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for fixture in fixtures():
        if arguments.only in f"{fixture.name}.{fixture.exporter}":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the exporters warn that they are old, or fold
                export(fixture, arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
