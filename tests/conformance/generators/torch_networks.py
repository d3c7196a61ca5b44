"""Exports binarized networks from PyTorch with both of its exporters.

    pip install -r tests/conformance/generators/requirements-torch.txt
    python -m tests.conformance.generators.torch_networks tests/conformance/fixtures/networks

from the repository's root writes ``torch-NETWORK.EXPORTER.onnx.xz``; with ``--full FOLDER`` also
each whole model with its weights. ``ts_opNN`` is the TorchScript exporter at an opset (it folds
BatchNorm into what is in front of it only where the weights are constants), ``dynamo`` the other.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from tests.conformance.generators import torch_models
from tests.conformance.generators.export import store
from tests.conformance.generators.parameters import Parameters, coarse_statistics
from tests.conformance.generators.torch_forms import FORMS
from tests.conformance.generators.torch_layers import AlphaSign, Bias
from tests.conformance.generators.torch_models import (
    BinaryConv,
    BinaryLinear,
    XnorConv,
    XnorLinear,
)

CALIBRATION_IMAGES = 16
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


@dataclass(frozen=True)
class Fixture:
    """One network by one exporter.

    Attributes:
        name: of the network.
        exporter: "dynamo", or "ts_opNN".
        build: makes it.
        image: shape of one input.
        layers: how many layers of each kind it has.
    """

    name: str
    exporter: str
    build: Callable[[], nn.Module]
    image: tuple[int, ...]
    layers: dict[str, int]


def fixtures() -> Iterator[Fixture]:
    """All of them."""
    models = torch_models
    networks: tuple[tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, int], str], ...] = (
        (models.bireal18, (3, 64, 64), {"W1A1": 16, "float": 5}, "ts_op11 dynamo"),
        (models.bireal18_flat, (3, 64, 64), {"W1A1": 16, "float": 5}, "ts_op13"),
        (models.reactnet_a, (3, 64, 64), {"W1A1": 31, "float": 2}, "ts_op12 dynamo"),
        (models.xnor_alexnet, (3, 127, 127), {"W1A1": 6, "float": 2}, "ts_op11 dynamo"),
        (
            models.xnor_alexnet_maps,
            (3, 127, 127),
            {"W1A1": 6, "W1A32": 4, "float": 2},  # the box filters have one value
            "ts_op16 dynamo",
        ),
        (models.irnet_resnet20, (3, 32, 32), {"W1A1": 18, "float": 2}, "ts_op14 ts_op17 dynamo"),
        (models.melius, (3, 64, 64), {"W1A1": 18, "float": 7}, "ts_op15 dynamo"),
        (models.vgg_small, (3, 32, 32), {"W1A32": 1, "W1A1": 8}, "ts_op11 dynamo"),
        (models.dorefa_vgg, (3, 40, 40), {"W1A2": 5, "float": 2}, "ts_op13 dynamo"),
    )
    for build, image, layers, exporters in networks:
        for exporter in exporters.split():
            yield Fixture(build.__name__, exporter, build, image, layers)
    for name, form in FORMS.items():
        for exporter in form.exporters:
            yield Fixture(f"form_{name}", exporter, form.build, form.image, form.layers)


# -- parameters ------------------------------------------------------------------------------------


def set_parameters(network: nn.Module, parameters: Parameters, image: tuple[int, ...]) -> None:
    """Fill in everything, then take the BatchNorms' statistics from a few images."""
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not isinstance(module, AlphaSign):
                parameter.data = torch.from_numpy(values(module, name, parameter, parameters))
        if isinstance(module, BinaryConv | BinaryLinear):
            for parameter in module.parameters():
                parameter.data = torch.where(parameter >= 0, 1.0, -1.0)
    for module in network.modules():
        if isinstance(module, XnorConv | XnorLinear):
            module.binarize()
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # what one call sees becomes the statistics
    with torch.no_grad():
        network(torch.from_numpy(parameters.images((CALIBRATION_IMAGES, *image))))
    for norm in norms:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = coarse_statistics(norm.running_mean.numpy(), norm.running_var.numpy())
        norm.running_mean, norm.running_var = torch.from_numpy(mean), torch.from_numpy(variance)
    network.eval()


def values(module: nn.Module, name: str, parameter: nn.Parameter, parameters: Parameters) -> Any:
    """A value for one parameter."""
    shape, count = tuple(parameter.shape), parameter.numel()
    if isinstance(module, BatchNorm):
        return parameters.scales(count) if name == "weight" else parameters.shifts(count)
    if isinstance(module, nn.PReLU):  # slopes, negative ones too
        return parameters.around(0.125, 0.25, count)
    if isinstance(module, Bias) or name == "bias":
        return parameters.shifts(count).reshape(shape)
    fan_in = count // shape[0] if shape[-1] != 1 or len(shape) != 2 else count // 64
    return parameters.weights(shape, min(0.3, float(np.sqrt(2 / fan_in))))


# -- export ----------------------------------------------------------------------------------------


def exported(network: nn.Module, exporter: str, image: tuple[int, ...]) -> onnx.ModelProto:
    """What the exporter writes, with a free batch axis."""
    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    images = torch.zeros(2, *image)
    if exporter == "dynamo":
        shapes = ({0: torch.export.Dim("batch")},)
        program = torch.onnx.export(
            network, (images,), dynamo=True, dynamic_shapes=shapes, verbose=False, **names
        )
        assert program is not None
        model: onnx.ModelProto = program.model_proto
        return model
    buffer: Any = io.BytesIO()
    torch.onnx.export(
        network,
        (images,),
        buffer,
        dynamo=False,
        opset_version=int(exporter.removeprefix("ts_op")),
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        **names,
    )
    return onnx.load_model_from_string(buffer.getvalue())


def export(fixture: Fixture, folder: Path, full: Path | None) -> None:
    """Write one fixture."""
    network = fixture.build()
    parameters = Parameters(fixture.name)
    set_parameters(network, parameters, fixture.image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters warn that they are old, or fold
        model = exported(network, fixture.exporter, fixture.image)
    name = f"torch-{fixture.name}.{fixture.exporter}"
    store(name, model, parameters.drawn, fixture.layers, folder, full)


def main() -> int:
    """Export all fixtures into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", type=Path)
    parser.add_argument("--only", default="", help="part of the names to export")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for fixture in fixtures():
        if arguments.only in f"{fixture.name}.{fixture.exporter}":
            export(fixture, arguments.folder, arguments.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
