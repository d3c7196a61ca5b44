"""The seed's float networks in PyTorch, as their papers and torchvision have them.

Every width is an argument: narrow networks have all layers, shapes and exporter quirks of the wide
ones in a file of a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Mlp(nn.Sequential):
    """784-...-10 with BatchNorm."""

    def __init__(self, widths: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths[:-1]):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
        super().__init__(*layers, nn.Linear(widths[-2], widths[-1]), nn.LogSoftmax(1))


class Cnn(nn.Sequential):
    """Two convolutions on 28x28 pixels, two dense layers."""

    def __init__(self, width: int) -> None:
        layers: list[nn.Module] = []
        for inputs in (1, width):
            layers += [nn.Conv2d(inputs, width, 3), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(25 * width, width), nn.BatchNorm1d(width), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, 10), nn.LogSoftmax(1))


class AlexNet(nn.Module):
    """AlexNet as torchvision has it, on 224x224 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        a, b, c = 2 * width, 6 * width, 12 * width
        self.features = nn.Sequential(
            *(nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(a, b, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(c, 8 * width, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(8 * width, 8 * width, 3, padding=1), nn.ReLU(inplace=True)),
            nn.MaxPool2d(3, 2),
        )
        self.pool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = _vgg_head(8 * width * 36, 32 * width)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(torch.flatten(self.pool(self.features(x)), 1))
        return scores


class AlexNetOfThePaper(nn.Module):
    """AlexNet with local response normalisation and convolutions in two groups."""

    def __init__(self, width: int) -> None:
        super().__init__()
        a, b, c = 4 * width, 12 * width, 16 * width
        norm = partial(nn.LocalResponseNorm, size=5, alpha=1e-4, beta=0.75, k=2.0)
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, a, 11, 4), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(a, b, 5, padding=2, groups=2), nn.ReLU(), norm()),
            *(nn.MaxPool2d(3, 2), nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(c, c, 3, padding=1, groups=2), nn.ReLU()),
            *(nn.Conv2d(c, b, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            nn.Flatten(),
            _vgg_head(36 * b, 32 * width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(self.layers(x), dim=1)


def _vgg_head(features: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Dropout(), nn.Linear(features, hidden), nn.ReLU(inplace=True)),
        *(nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(inplace=True)),
        nn.Linear(hidden, 100),
    )


VGG16 = (1, 1, "M", 2, 2, "M", 4, 4, 4, "M", 8, 8, 8, "M", 8, 8, 8, "M")
"""Multiples of the width of the first layer; "M" are poolings."""


def _vgg_layers(width: int, *, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = 3
    for entry in VGG16:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2, 2))
            continue
        outputs = entry * width
        layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
        layers += [nn.BatchNorm2d(outputs)] if norm else []
        layers.append(nn.ReLU(inplace=True))
        inputs = outputs
    return layers


class Vgg16(nn.Module):
    """VGG16 on 224x224 pixels: three dense layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*_vgg_layers(width, norm=False))
        self.pool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = _vgg_head(8 * width * 49, 32 * width)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(torch.flatten(self.pool(self.features(x)), 1))
        return scores


class Vgg16Cifar(nn.Module):
    """VGG16 on 32x32 pixels: BatchNorm, one dense layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*_vgg_layers(width, norm=True), nn.AvgPool2d(1, 1))
        self.classifier = nn.Linear(8 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        out = self.features(x)
        scores: Tensor = self.classifier(out.view(out.size(0), -1))
        return scores


class Vgg16Separable(nn.Module):
    """VGG16 on 32x32 pixels whose convolutions but the first are depthwise separable."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for layer in _vgg_layers(width, norm=True):
            if isinstance(layer, nn.Conv2d) and layers:
                layers += _separable(layer.in_channels, layer.out_channels)
            else:
                layers.append(layer)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(8 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(torch.flatten(self.features(x), 1))
        return scores


def _separable(inputs: int, outputs: int) -> list[nn.Module]:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    norm = nn.BatchNorm2d(inputs)
    return [depthwise, norm, nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False)]


class ResNet(nn.Module):
    """ResNet18 (two layers a block) or ResNet50 (bottlenecks) on 224x224 pixels."""

    def __init__(self, width: int, blocks: Sequence[int], expansion: int) -> None:
        super().__init__()
        stem = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers: list[nn.Module] = [*stem, nn.MaxPool2d(3, 2, 1)]
        inputs = width
        for stage, repeats in enumerate(blocks):
            for position in range(repeats):
                stride = 2 if stage > 0 and position == 0 else 1
                layers.append(_Block(inputs, width << stage, expansion, stride))
                inputs = (width << stage) * expansion
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(inputs, 100)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(torch.flatten(self.pool(self.layers(x)), 1))
        return scores


class _Block(nn.Module):
    def __init__(self, inputs: int, width: int, expansion: int, stride: int) -> None:
        super().__init__()
        outputs = width * expansion
        shapes = [(inputs, width, 3, stride), (width, outputs, 3, 1)]
        if expansion > 1:
            shapes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        layers: list[nn.Module] = []
        for before, after, kernel, step in shapes:
            conv = nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.layers(x) + self.shortcut(x))


class FireCnn(nn.Module):
    """Fire or no fire on 128x128x3 pixels, channels last as in Keras; sigmoid output."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs, kernel, pool in ((1, 7, True), (2, 3, True), (4, 3, False), (4, 3, True)):
            channels = outputs * width
            layers += [
                nn.Conv2d(inputs, inputs, kernel, padding=kernel // 2, groups=inputs, bias=False),
                nn.Conv2d(inputs, channels, 1),
                nn.ReLU(),
                nn.BatchNorm2d(channels),
            ]
            layers += [nn.MaxPool2d(2)] if pool else []
            inputs = channels
        self.features = nn.Sequential(*layers)
        self.dense = nn.Linear(inputs * 256, 8 * width)
        self.norm = nn.BatchNorm1d(8 * width)
        self.output = nn.Linear(8 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(1)
        return torch.sigmoid(self.output(self.norm(functional.relu(self.dense(x)))))
