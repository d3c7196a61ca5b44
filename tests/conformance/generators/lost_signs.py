"""Exports a network whose Signs the TorchScript exporter loses: it assigns ``x.data``.

    pip install -r tests/conformance/generators/requirements-torch.txt
    python -m tests.conformance.generators.lost_signs tests/conformance/fixtures/lost_signs

from the repository's root.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """BinaryNet as its PyTorch port writes it: both weights and activations assign ``data``."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for inputs, outputs in ((3, 4), (4, 6), (6, 6)):
            conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            conv.weight.data = conv.weight.data.sign()
            self.layers.append(nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.Hardtanh()))
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Linear(6 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        for index, layer in enumerate(self.layers):
            if index > 0:
                x.data = x.data.sign()
            x = layer(x)
        scores: Tensor = self.classifier(self.pool(x).flatten(1))
        return scores


def main() -> int:
    """Write ``torchscript.onnx`` into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns that it is old
        torch.onnx.export(
            Network().eval(),
            (torch.zeros(1, 3, 8, 8),),
            buffer,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=17,
            input_names=["input"],
            output_names=["output"],
        )
    (folder / "torchscript.onnx").write_bytes(buffer.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
