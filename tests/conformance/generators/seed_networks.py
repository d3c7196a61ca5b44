"""Exports the seed's four networks, small, in every form that torch's exporters give.

    pip install -r tests/conformance/generators/requirements-torch.txt
    python tests/conformance/generators/seed_networks.py tests/conformance/fixtures

writes ``NETWORK-STATISTICS.EXPORTER.BATCH.onnx``. The networks are those of fastinference (MLP and
CNN, float and binarized): raw pixels 0..255 in, log-probabilities out, LogSoftmax last; in the
binarized ones weights and biases are -1 or +1 and the activation is ``where(x > 0, 1, -1)``.
"""

from __future__ import annotations

import argparse
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
CALIBRATION_ROWS = 256


# -- networks --------------------------------------------------------------------------------------


class Sign(nn.Module):
    """The binarized activation, written as in fastinference."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, torch.tensor([1.0]), torch.tensor([-1.0]))


def activation(binary: bool) -> nn.Module:
    return Sign() if binary else nn.ReLU()


class Mlp(nn.Module):
    """Dense, BatchNorm, activation, twice; then dense and LogSoftmax."""

    def __init__(self, binary: bool, features: int, hidden_1: int, hidden_2: int) -> None:
        super().__init__()
        self.features = features
        self.layer_1 = nn.Linear(features, hidden_1)
        self.bn_1 = nn.BatchNorm1d(hidden_1)
        self.activation_1 = activation(binary)
        self.layer_2 = nn.Linear(hidden_1, hidden_2)
        self.bn_2 = nn.BatchNorm1d(hidden_2)
        self.activation_2 = activation(binary)
        self.layer_3 = nn.Linear(hidden_2, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation_1(self.bn_1(self.layer_1(x)))
        x = self.activation_2(self.bn_2(self.layer_2(x)))
        return functional.log_softmax(self.layer_3(x), dim=1)


class Cnn(nn.Module):
    """3x3 convolution, BatchNorm, activation, MaxPool, twice; dense, BatchNorm, activation; dense.

    ``chain`` writes the batch size as ``x.shape[0]``: the TorchScript exporter traces that into
    Shape, Gather, Unsqueeze and Concat.
    """

    def __init__(
        self, binary: bool, colours: int, channels: tuple[int, int], hidden: int, chain: bool
    ) -> None:
        super().__init__()
        side = 14
        self.features = colours * side * side
        self.image = (colours, side, side)
        self.chain = chain
        self.conv_1 = nn.Conv2d(colours, channels[0], 3)
        self.bn_1 = nn.BatchNorm2d(channels[0])
        self.activation_1 = activation(binary)
        self.pool_1 = nn.MaxPool2d(2)
        self.conv_2 = nn.Conv2d(channels[0], channels[1], 3)
        self.bn_2 = nn.BatchNorm2d(channels[1])
        self.activation_2 = activation(binary)
        self.pool_2 = nn.MaxPool2d(2)
        pooled = ((side - 2) // 2 - 2) // 2
        self.layer_1 = nn.Linear(channels[1] * pooled * pooled, hidden)
        self.bn_3 = nn.BatchNorm1d(hidden)
        self.activation_3 = activation(binary)
        self.layer_2 = nn.Linear(hidden, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(x.shape[0] if self.chain else -1, *self.image)
        x = self.pool_1(self.activation_1(self.bn_1(self.conv_1(x))))
        x = self.pool_2(self.activation_2(self.bn_2(self.conv_2(x))))
        x = x.view(x.shape[0], -1) if self.chain else torch.flatten(x, 1)
        x = self.activation_3(self.bn_3(self.layer_1(x)))
        return functional.log_softmax(self.layer_2(x), dim=1)


def make_network(kind: str) -> Mlp | Cnn:
    """Untrained network. Widths are odd, or leave tails in bytes, words and vectors."""
    family, _, variant = kind.partition("_")
    chain = variant == "chain"
    match family, variant:
        case "mlp", "":
            return Mlp(False, 169, 9, 17)
        case "bmlp", "":
            return Mlp(True, 169, 24, 40)
        case "bmlp", "wide":  # K > 256: ONNX Runtime blocks the sum
            return Mlp(True, 784, 13, 70)
        case "cnn", "" | "chain":
            return Cnn(False, 1, (5, 7), 11, chain)
        case "bcnn", "" | "chain":
            return Cnn(True, 1, (12, 20), 33, chain)
        case "bcnn", "rgb":
            return Cnn(True, 3, (33, 9), 15, True)
    raise ValueError(kind)


# -- weights and statistics ------------------------------------------------------------------------


def set_parameters(network: Mlp | Cnn, binary: bool, statistics: str, random: Any) -> None:
    """Fill in weights, then the BatchNorms one after another from what reaches them.

    A few images take the place of training: means and variances near the real ones keep the signs
    balanced, so that every layer sees both values.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            for parameter in module.parameters():
                values = random.normal(size=parameter.shape)
                scale = 1.0 if binary else 1.5 / np.sqrt(module.weight[0].numel())
                values = np.where(values > 0, 1.0, -1.0) if binary else values * scale
                parameter.data = torch.from_numpy(values.astype(np.float32))

    def calibrate(module: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        set_statistics(module, inputs[0].transpose(0, 1).flatten(1), statistics, random)

    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(calibrate) for norm in norms]
    images = random.integers(0, 256, (CALIBRATION_ROWS, network.features))
    images *= random.integers(0, 2, images.shape)
    network.eval()
    with torch.no_grad():
        network(torch.from_numpy(images.astype(np.float32)))
    for hook in hooks:
        hook.remove()


def set_statistics(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, seen: Tensor, statistics: str, random: Any
) -> None:
    """Set one BatchNorm.

    Args:
        norm: the layer.
        seen: [channels, values] that reach it.
        statistics: "random"; "ties": every mean is a value that occurs and beta is 0, so that it is
            mapped to exactly 0, the threshold; "negative": like "ties" in every second channel,
            with a third of the scales negative and three of them 0 (beta positive, negative, 0).
        random: generator.
    """
    channels = len(seen)

    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(random.uniform(low, high, channels).astype(np.float32))

    mean, variance = seen.mean(1), seen.var(1) + 1e-3
    middle = seen.median(1).values  # of an even number of values, torch takes the lower: it occurs
    gamma, beta = uniform(0.5, 1.5), uniform(-0.5, 0.5)
    shifted = mean + uniform(-0.4, 0.4) * variance.sqrt()
    even = torch.arange(channels) % 2 == 0
    tied = {"random": even & False, "ties": even | True, "negative": even}[statistics]
    mean = torch.where(tied, middle, shifted)
    beta = torch.where(tied, torch.zeros(channels), beta)
    if statistics == "negative":
        gamma = torch.where(torch.arange(channels) % 3 == 1, -gamma, gamma)
        gamma[-3:] = 0.0
        beta[-3:] = torch.tensor([0.5, -0.5, 0.0])
    norm.weight.data, norm.bias.data = gamma, beta
    norm.running_mean, norm.running_var = mean, variance * uniform(0.5, 1.5)


# -- export ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fixture:
    """One file: which network with which statistics, by which exporter, with which batch axis."""

    network: str
    statistics: str
    exporter: str
    batch: str = "dynamic"

    @property
    def stem(self) -> str:
        return f"{self.network}-{self.statistics}.{self.exporter}.{self.batch}"


TORCHSCRIPT = [f"ts_op{opset}_{mode}" for opset in (11, 12, 17) for mode in ("eval", "preserve")]
EXPORTERS = [*TORCHSCRIPT, "dynamo_op18", "documented"]
"""``eval`` folds BatchNorm into convolutions, ``preserve`` keeps it, dynamo folds it everywhere.

``documented`` is the line in fastinference's documentation: by today's torch it runs as dynamo,
and puts the weights in a file of their own.
"""


def fixtures() -> Iterator[Fixture]:
    """Every form of every network once, and variants where they make a difference."""
    for network in ("mlp", "bmlp", "cnn", "bcnn"):
        for exporter in EXPORTERS:
            yield Fixture(network, "random", exporter)
    for network in ("bmlp", "bcnn"):
        yield Fixture(network, "ties", "ts_op17_preserve")
        yield Fixture(network, "ties", "ts_op12_preserve", "frozen")
        yield Fixture(network, "negative", "ts_op11_preserve")
        yield Fixture(network, "negative", "ts_op17_eval")
        yield Fixture(network, "negative", "dynamo_op18")
        yield Fixture(network, "negative", "dynamo_op18", "frozen")
    for network in ("mlp", "cnn"):
        yield Fixture(network, "negative", "ts_op17_preserve", "frozen")
        yield Fixture(network, "negative", "dynamo_op18", "frozen")
    yield Fixture("bmlp_wide", "negative", "ts_op12_preserve")
    yield Fixture("bmlp_wide", "random", "dynamo_op18")
    yield Fixture("cnn_chain", "random", "ts_op11_eval")
    yield Fixture("cnn_chain", "random", "dynamo_op18")
    yield Fixture("bcnn_chain", "ties", "ts_op11_preserve")
    yield Fixture("bcnn_chain", "random", "ts_op17_eval")
    yield Fixture("bcnn_chain", "negative", "dynamo_op18")
    yield Fixture("bcnn_chain", "ties", "ts_op17_preserve", "frozen")
    yield Fixture("bcnn_chain", "random", "dynamo_op18", "frozen")
    yield Fixture("bcnn_rgb", "ties", "ts_op12_preserve")
    yield Fixture("bcnn_rgb", "negative", "dynamo_op18")


def export(fixture: Fixture, folder: Path) -> None:
    """Write one fixture."""
    network = make_network(fixture.network)
    random = np.random.default_rng(zlib.crc32(f"{fixture.network}-{fixture.statistics}".encode()))
    set_parameters(network, fixture.network.startswith("b"), fixture.statistics, random)
    path = folder / f"{fixture.stem}.onnx"
    dynamic = fixture.batch == "dynamic"
    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    axes: dict[str, Any] = {"input": {0: "batch_size"}, "output": {0: "batch_size"}}
    # The dynamo exporter takes an axis of extent 1 for a constant.
    rows = torch.zeros(2 if dynamic and "dynamo" in fixture.exporter else 1, network.features)
    if fixture.exporter == "documented":
        torch.onnx.export(
            network,
            (rows,),
            path,
            training=torch.onnx.TrainingMode.PRESERVE,
            export_params=True,
            opset_version=11,
            do_constant_folding=True,
            dynamic_axes=axes,
            **names,
        )
    elif fixture.exporter == "dynamo_op18":
        shapes = {"x": {0: torch.export.Dim("batch_size")}} if dynamic else None
        torch.onnx.export(
            network,
            (rows,),
            path,
            dynamo=True,
            opset_version=18,
            external_data=False,
            dynamic_shapes=shapes,
            verbose=False,
            **names,
        )
    else:
        _, opset, mode = fixture.exporter.split("_")
        modes = {"eval": torch.onnx.TrainingMode.EVAL, "preserve": torch.onnx.TrainingMode.PRESERVE}
        torch.onnx.export(
            network,
            (rows,),
            path,
            dynamo=False,
            training=modes[mode],
            opset_version=int(opset.removeprefix("op")),
            dynamic_axes=axes if dynamic else None,
            **names,
        )
    without_traces(path)


def without_traces(path: Path) -> None:
    """Delete the stack traces that the exporters write: they name folders of this machine."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        node.doc_string = ""
        kept = [entry for entry in node.metadata_props if not entry.key.endswith("stack_trace")]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    path.write_bytes(model.SerializeToString(deterministic=True))


def main() -> int:
    """Export all fixtures into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for fixture in fixtures():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporters warn that they are old, or fold
            export(fixture, folder)
        sys.stdout.write(f"{fixture.stem}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
