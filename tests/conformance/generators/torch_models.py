"""Published binarized networks in PyTorch, with their depth and, where not said, their widths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.conformance.generators.torch_layers import (
    Bias,
    DoReFa,
    DoReFaConv,
    FlatHardBinaryConv,
    HardBinaryConv,
    IRNetConv,
    PolynomialSign,
    RPReLU,
    Sign,
    SignConv,
)

CLASSES = 10
Conv = Callable[..., nn.Module]


# -- Bi-Real net -----------------------------------------------------------------------------------


class BiRealBlock(nn.Module):
    """Sign, binary convolution, BatchNorm, around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, conv: Conv) -> None:
        super().__init__()
        self.activation = PolynomialSign()
        self.conv = conv(inputs, outputs, 3, stride, 1)
        self.norm = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(2, stride),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(self.activation(x)))
        y += self.downsample(x)
        return y


class BiReal18(nn.Module):
    """Bi-Real net with 18 layers, for images of any size."""

    def __init__(self, conv: Conv = HardBinaryConv, classes: int = CLASSES) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.MaxPool2d(3, 2, 1)
        )
        blocks: list[nn.Module] = []
        inputs = 64
        for outputs, first in ((64, 1), (128, 2), (256, 2), (512, 2)):
            for index in range(4):
                stride = first if index == 0 else 1
                blocks.append(BiRealBlock(inputs, outputs, stride, conv))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        x = nn.functional.adaptive_avg_pool2d(x, 1)
        logits: Tensor = self.head(x.view(x.size(0), -1))
        return logits


def bireal18() -> nn.Module:
    return BiReal18()


def bireal18_flat() -> nn.Module:
    return BiReal18(FlatHardBinaryConv)


# -- ReActNet --------------------------------------------------------------------------------------


class ReActBlock(nn.Module):
    """ReActNet-A's block: a 3x3 and a 1x1 binary convolution, or two 1x1 side by side."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.move11 = Bias(inputs)
        self.binary_3x3 = HardBinaryConv(inputs, inputs, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.act1 = RPReLU(inputs)
        self.move21 = Bias(inputs)
        self.pointwise = nn.ModuleList(
            HardBinaryConv(inputs, inputs, 1, 1, 0) for _ in range(outputs // inputs)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(inputs) for _ in self.pointwise)
        self.act2 = RPReLU(outputs)
        self.activation = PolynomialSign()
        self.pool = nn.AvgPool2d(2, 2)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.binary_3x3(self.activation(self.move11(x))))
        out = self.act1((self.pool(x) if self.stride == 2 else x) + out)
        signs = self.activation(self.move21(out))
        parts = []
        for conv, norm in zip(self.pointwise, self.norms, strict=True):
            part = norm(conv(signs))
            part += out
            parts.append(part)
        joined = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        result: Tensor = self.act2(joined)
        return result


def reactnet_a() -> nn.Module:
    """ReActNet-A at a quarter of its width."""
    widths = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2))
    blocks: list[nn.Module] = []
    inputs = 8
    stem = nn.Sequential(nn.Conv2d(3, inputs, 3, 2, 1, bias=False), nn.BatchNorm2d(inputs))
    for outputs, stride in (*widths, (256, 1)):
        blocks.append(ReActBlock(inputs, outputs, stride))
        inputs = outputs
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]
    return nn.Sequential(stem, *blocks, *head)


# -- XNOR-Net --------------------------------------------------------------------------------------


class XnorConv(nn.Module):
    """XNOR-Net-PyTorch's BinConv2d: BatchNorm, sign, convolution with a bias, ReLU.

    Its evaluation script binarizes the weights in place: mean magnitude times sign per filter.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        maps: bool = False,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs, eps=1e-4)
        self.activation = Sign()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.maps = maps
        self.box = torch.full((1, 1, kernel, kernel), 1 / kernel**2)

    def binarize(self) -> None:
        weight = self.conv.weight
        weight.data = weight.abs().mean((1, 2, 3), keepdim=True) * torch.sign(weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        y = self.conv(self.activation(x))
        if self.maps:  # K of the paper: how large the numbers under the window were
            magnitude = x.abs().mean(1, keepdim=True)
            y = y * functional.conv2d(
                magnitude, self.box, stride=self.conv.stride, padding=self.conv.padding
            )
        return functional.relu(y)


class XnorLinear(nn.Module):
    """The same, dense."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs, eps=1e-4)
        self.activation = Sign()
        self.linear = nn.Linear(inputs, outputs)

    def binarize(self) -> None:
        weight = self.linear.weight
        weight.data = weight.abs().mean(1, keepdim=True) * torch.sign(weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.linear(self.activation(self.norm(x))))


def xnor_alexnet(maps: bool = False, hidden: int = 512) -> nn.Module:
    """XNOR-Net-PyTorch's AlexNet, 4096 units of the dense layers replaced by ``hidden``."""
    features = nn.Sequential(
        nn.Conv2d(3, 96, 11, 4, 0),
        nn.BatchNorm2d(96, eps=1e-4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        XnorConv(96, 256, 5, 1, 2, maps),
        nn.MaxPool2d(3, 2),
        XnorConv(256, 384, 3, 1, 1, maps),
        XnorConv(384, 384, 3, 1, 1, maps),
        XnorConv(384, 256, 3, 1, 1, maps),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Flatten(),
        XnorLinear(256 * 2 * 2, hidden),
        XnorLinear(hidden, hidden),
        nn.BatchNorm1d(hidden, eps=1e-3),
        nn.Linear(hidden, CLASSES),
    )
    return nn.Sequential(features, classifier)


def xnor_alexnet_maps() -> nn.Module:
    return xnor_alexnet(maps=True)


# -- IR-Net ----------------------------------------------------------------------------------------


class IRNetBlock(nn.Module):
    """IR-Net's 1W1A ResNet-20 block: two halves, each around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = IRNetConv(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = IRNetConv(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        if self.stride != 1:  # "option A" of ResNets for CIFAR
            half = self.added // 2
            shortcut = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        out = self.bn1(self.conv1(torch.sign(x)))
        out += shortcut
        out = functional.hardtanh(out)
        shortcut = out
        out = self.bn2(self.conv2(torch.sign(out)))
        out += shortcut
        return functional.hardtanh(out)


def irnet_resnet20() -> nn.Module:
    """ResNet-20 for CIFAR-10 with IR-Net's weights."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.Hardtanh(),
    ]
    inputs = 16
    for outputs, first in ((16, 1), (32, 2), (64, 2)):
        for index in range(3):
            layers.append(IRNetBlock(inputs, outputs, first if index == 0 else 1))
            inputs = outputs
    layers += [nn.AvgPool2d(8), nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, CLASSES)]
    return nn.Sequential(*layers)


# -- MeliusNet -------------------------------------------------------------------------------------


class MeliusBlock(nn.Module):
    """Dense block, then improvement block: 64 new channels are added to the last 64."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.growth = growth
        self.dense_norm = nn.BatchNorm2d(inputs)
        self.dense = SignConv(inputs, growth)
        self.improve_norm = nn.BatchNorm2d(inputs + growth)
        self.improve = SignConv(inputs + growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, self.dense(torch.sign(self.dense_norm(x)))], 1)
        new = self.improve(torch.sign(self.improve_norm(x)))
        return torch.cat([x[:, : -self.growth], x[:, -self.growth :] + new], 1)


def melius() -> nn.Module:
    """Four sections of MeliusNet blocks with its grouped stem, narrow."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 32, 3, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 1, groups=4, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, 1, 1, groups=8, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2, 2),
    ]
    channels, growth = 64, 32
    for blocks, transition in ((2, 80), (3, 96), (2, 112), (2, 0)):
        for _ in range(blocks):
            layers.append(MeliusBlock(channels, growth))
            channels += growth
        if transition:
            layers += [
                nn.BatchNorm2d(channels),
                nn.MaxPool2d(2, 2),
                nn.ReLU(),
                nn.Conv2d(channels, transition, 1, bias=False),
            ]
            channels = transition
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(channels, CLASSES))


# -- BinaryNet -------------------------------------------------------------------------------------


class BinaryConv(nn.Conv2d):
    """Its weights are ±1 at export, as BinaryNet's ``weight.data`` is."""


class BinaryLinear(nn.Linear):
    """The same, dense."""


def vgg_small() -> nn.Module:
    """BinaryNet's VGG for CIFAR-10 at half its width; the first layer sees the image itself."""
    widths = ((64, False), (64, True), (128, False), (128, True), (256, False), (256, True))
    layers: list[nn.Module] = []
    inputs = 3
    for outputs, pool in widths:
        layers += [BinaryConv(inputs, outputs, 3, padding=1, bias=True)]
        layers += [nn.MaxPool2d(2, 2)] if pool else []
        layers += [nn.BatchNorm2d(outputs), nn.Hardtanh(inplace=True), Sign()]
        inputs = outputs
    layers += [nn.Flatten()]
    for inputs, outputs in ((256 * 4 * 4, 512), (512, 512)):
        layers += [BinaryLinear(inputs, outputs), nn.BatchNorm1d(outputs), nn.Hardtanh(), Sign()]
    layers += [BinaryLinear(512, CLASSES), nn.BatchNorm1d(CLASSES), nn.LogSoftmax(1)]
    return nn.Sequential(*layers)


# -- DoReFa-Net ------------------------------------------------------------------------------------


def dorefa_vgg() -> nn.Module:
    """The seven-layer net for SVHN of the DoReFa paper with 1-bit weights, 2-bit activations."""
    layers: list[nn.Module] = [nn.Conv2d(3, 48, 5, padding=2), nn.MaxPool2d(2), DoReFa(2)]
    plan: Sequence[tuple[int, int, int, int, bool]] = (
        (48, 64, 3, 1, False),
        (64, 64, 3, 1, True),
        (64, 128, 3, 0, False),
        (128, 128, 3, 1, False),
        (128, 128, 3, 0, False),
    )
    for inputs, outputs, kernel, padding, pool in plan:
        layers += [DoReFaConv(inputs, outputs, kernel, 1, padding), nn.BatchNorm2d(outputs)]
        layers += [nn.MaxPool2d(2), DoReFa(2)] if pool else [DoReFa(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 6 * 6, CLASSES))
