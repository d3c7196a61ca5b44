"""Small networks: one way each to write a binarized layer, between two layers that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.conformance.generators import torch_layers as forms
from tests.conformance.generators.torch_models import BinaryConv, BinaryLinear, XnorConv

WIDTH = 16


class Chain(nn.Module):
    """Float stem, BatchNorm, activation, binary convolution, BatchNorm, and once more; dense."""

    def __init__(
        self, activation: Callable[[], nn.Module], conv: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, WIDTH, 3, 1, 1), nn.BatchNorm2d(WIDTH))
        self.first = nn.Sequential(activation(), conv(WIDTH, WIDTH), nn.BatchNorm2d(WIDTH))
        self.second = nn.Sequential(activation(), conv(WIDTH, WIDTH), nn.BatchNorm2d(WIDTH))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(self.stem(x)))
        result: Tensor = self.head(x.mean((2, 3)))
        return result


def plain_conv(inputs: int, outputs: int) -> nn.Module:
    return BinaryConv(inputs, outputs, 3, 1, 1, bias=False)


def chain(
    activation: Callable[[], nn.Module] = forms.Sign,
    conv: Callable[[int, int], nn.Module] = plain_conv,
) -> Callable[[], nn.Module]:
    return lambda: Chain(activation, conv)


class RSign(nn.Sequential):
    """ReActNet's: shift, sign."""

    def __init__(self) -> None:
        super().__init__(forms.Bias(WIDTH), forms.PolynomialSign())


class Slopes(nn.Sequential):
    """RPReLU, with slopes of both signs, then a sign."""

    def __init__(self) -> None:
        super().__init__(forms.RPReLU(WIDTH), forms.Sign())


class NoNorm(nn.Module):
    """Integers reach the sign: half of an even number of terms gives exactly 0."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, WIDTH, 3, 1, 1), nn.BatchNorm2d(WIDTH))
        self.first, self.second = plain_conv(WIDTH, WIDTH), plain_conv(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sign(self.first(torch.sign(self.stem(x))))
        result: Tensor = self.head(self.second(x).mean((2, 3)))
        return result


class Dense(nn.Module):
    """Binary dense layers as MatMul on the last of three axes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(12, 40)
        self.first = nn.Parameter(torch.zeros(40, 24))
        self.second = nn.Parameter(torch.zeros(24, 9))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sign(self.stem(x)) @ torch.sign(self.first)
        return torch.sign(x + 0.5) @ torch.sign(self.second)


class Line(nn.Module):
    """Convolutions of one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(2, WIDTH, 5, padding=2), nn.BatchNorm1d(WIDTH))
        self.weight = nn.Parameter(torch.zeros(24, WIDTH, 3))
        self.norm = nn.BatchNorm1d(24)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv1d(
            torch.sign(self.stem(x)), torch.sign(self.weight), stride=2, padding=1
        )
        result: Tensor = self.head(self.norm(x).mean(2))
        return result


class Volume(nn.Module):
    """Convolutions of three axes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(1, WIDTH, 3, padding=1), nn.BatchNorm3d(WIDTH))
        self.weight = nn.Parameter(torch.zeros(12, WIDTH, 3, 3, 3))
        self.norm = nn.BatchNorm3d(12)
        self.head = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv3d(torch.sign(self.stem(x)), torch.sign(self.weight), padding=1)
        result: Tensor = self.head(self.norm(x).mean((2, 3, 4)))
        return result


class Flattened(nn.Module):
    """Signs, pooled, flattened in the order channel, row, column; then dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, WIDTH, 3, 1, 1), nn.BatchNorm2d(WIDTH))
        self.conv, self.norm = plain_conv(WIDTH, 20), nn.BatchNorm2d(20)
        self.hidden, self.hidden_norm = BinaryLinear(20 * 9, 33), nn.BatchNorm1d(33)
        self.head = BinaryLinear(33, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sign(self.norm(functional.max_pool2d(self.conv(torch.sign(self.stem(x))), 2)))
        x = x.view(x.shape[0], -1)
        result: Tensor = self.head(torch.sign(self.hidden_norm(self.hidden(x))))
        return result


class PaddedWithOnes(nn.Module):
    """An explicit Pad of +1 between sign and convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = BinaryConv(inputs, outputs, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(functional.pad(x, (1, 1, 1, 1), value=1.0))
        return result


def grouped(inputs: int, outputs: int) -> nn.Module:
    return BinaryConv(inputs, outputs, 3, 1, 1, groups=4, bias=False)


def depthwise(inputs: int, outputs: int) -> nn.Module:
    return BinaryConv(inputs, outputs, 3, 1, 1, groups=inputs, bias=False)


def dilated(inputs: int, outputs: int) -> nn.Module:
    return BinaryConv(inputs, outputs, 3, 1, 2, dilation=2, bias=False)


def pointwise(inputs: int, outputs: int) -> nn.Module:
    return BinaryConv(inputs, outputs, 1, bias=True)


def scaled(inputs: int, outputs: int) -> nn.Module:
    return XnorConv(inputs, outputs, 3, 1, 1)


def with_maps(inputs: int, outputs: int) -> nn.Module:
    return XnorConv(inputs, outputs, 3, 1, 1, maps=True)


@dataclass(frozen=True)
class Form:
    """A small network.

    Attributes:
        build: makes it.
        image: shape of one input.
        layers: how many layers of each kind it has.
        exporters: those that can write it.
    """

    build: Callable[[], nn.Module]
    image: tuple[int, ...]
    layers: dict[str, int]
    exporters: tuple[str, ...] = ("ts_op17", "dynamo")


IMAGE = (3, 6, 7)
ONE_BIT = {"W1A1": 2, "float": 2}


def chains() -> dict[str, Form]:
    """One activation, or one kind of weights, at a time."""
    activations = {
        "sign": forms.Sign,
        "function": forms.FunctionSign,
        "clamp_ste": forms.ClampedSign,
        "identity_ste": forms.IdentitySign,
        "tanh_ste": forms.TanhSign,
        "polynomial": forms.PolynomialSign,
        "rsign": RSign,
        "rprelu": Slopes,
        "where": forms.WhereGreater,
        "ones_like": forms.WhereOnesLike,
        "compare_cast": forms.CompareCast,
        "step": forms.Step,
        "round": forms.RoundedHardSigmoid,
        "bitorch": forms.BitorchSign,
        "relu_sign": forms.SignOfRelu,
        "shifted": forms.ShiftedSign,
    }
    convolutions = {
        "scaled": scaled,
        "hard": forms.HardBinaryConv,
        "flat_hard": forms.FlatHardBinaryConv,
        "latent": forms.SignConv,
        "irnet": forms.IRNetConv,
        "dorefa1": forms.DoReFaConv,
        "grouped": grouped,
        "depthwise": depthwise,
        "dilated": dilated,
        "pointwise": pointwise,
        "padded_ones": PaddedWithOnes,
    }
    found = {f"act_{name}": Form(chain(kind), IMAGE, ONE_BIT) for name, kind in activations.items()}
    for name, conv in convolutions.items():
        found[f"weight_{name}"] = Form(chain(conv=conv), IMAGE, ONE_BIT)
    found["act_heaviside"] = Form(chain(forms.Heaviside), IMAGE, ONE_BIT, ("dynamo",))
    for bits in (2, 3, 4):
        found[f"act_dorefa{bits}"] = few_bits(f"W1A{bits}", partial(forms.DoReFa, bits))
    found["act_ternary"] = few_bits("W1A2", forms.TernarySign)
    # Two levels that are not opposite, and the 0 of the padding.
    found["act_adabin"] = few_bits("W1A2", forms.AlphaSign)
    # Sign counts as one bit beside all weights.
    found["weight_step"] = few_bits("W1A1", conv=forms.StepConv)
    found["weight_ternary"] = few_bits("W2A1", conv=forms.TernaryConv)
    found["weight_dorefa2"] = few_bits("W2A2", partial(forms.DoReFa, 2), forms.DoReFaLowBitConv)
    # The box filters have one value.
    found["weight_maps"] = Form(chain(conv=with_maps), IMAGE, {"W1A1": 2, "W1A32": 2, "float": 2})
    # The sum of the inputs, which the offset is multiplied by, is a binary layer of one channel.
    found["weight_adabin"] = Form(chain(conv=forms.AdaBinConv), IMAGE, {"W1A1": 4, "float": 2})
    return found


def few_bits(
    kind: str,
    activation: Callable[[], nn.Module] = forms.Sign,
    conv: Callable[[int, int], nn.Module] = plain_conv,
) -> Form:
    return Form(chain(activation, conv), IMAGE, {kind: 2, "float": 2})


FORMS: dict[str, Form] = {
    **chains(),
    "no_norm": Form(NoNorm, IMAGE, ONE_BIT),
    "dense": Form(Dense, (5, 12), {"W1A1": 2, "float": 1}),
    "line": Form(Line, (2, 15), {"W1A1": 1, "float": 2}),
    "volume": Form(Volume, (1, 5, 4, 6), {"W1A1": 1, "float": 2}),
    "flattened": Form(Flattened, IMAGE, {"W1A1": 3, "float": 1}),
}
