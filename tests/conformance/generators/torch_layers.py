"""Ways to binarize in PyTorch, as published networks write them.

Each is written out with the operations of its source, since it is these that the exporter traces:
Bi-Real-net and ReActNet (Liu et al.), XNOR-Net-PyTorch (Lee), IR-Net (Qin et al.), BinaryNet
(Hubara et al.), DoReFa-Net, AdaBin, bitorch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# -- activations -----------------------------------------------------------------------------------


class PolynomialSign(nn.Module):
    """Bi-Real net's sign: its backward pass is that of a piecewise quadratic, kept in the graph."""

    def forward(self, x: Tensor) -> Tensor:
        out_forward = torch.sign(x)
        mask1, mask2, mask3 = x < -1, x < 0, x < 1
        out1 = (-1) * mask1.type(torch.float32) + (x * x + 2 * x) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-x * x + 2 * x) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        return out_forward.detach() - out3.detach() + out3


class Bias(nn.Module):
    """ReActNet's shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift.expand_as(x)


class RPReLU(nn.Sequential):
    """Shift, PReLU, shift."""

    def __init__(self, channels: int) -> None:
        super().__init__(Bias(channels), nn.PReLU(channels), Bias(channels))


class _SignFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:  # noqa: ARG004
        return torch.sign(x)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return gradients[0]


class FunctionSign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        function: Any = _SignFunction
        result: Tensor = function.apply(x)
        return result


class Sign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x)


class ClampedSign(nn.Module):
    """Straight-through with the gradient of hardtanh."""

    def forward(self, x: Tensor) -> Tensor:
        clamped = torch.clamp(x, -1, 1)
        return (torch.sign(x) - clamped).detach() + clamped


class IdentitySign(nn.Module):
    """Straight-through with the gradient of the identity."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (torch.sign(x) - x).detach()


class TanhSign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        soft = torch.tanh(x * 2)
        return soft + (torch.sign(x) - soft).detach()


class WhereGreater(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, torch.tensor([1.0]), torch.tensor([-1.0]))


class WhereOnesLike(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


class CompareCast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x >= 0).float() * 2 - 1


class Step(nn.Module):
    """{0, 1}."""

    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).float()


class Heaviside(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.heaviside(x, torch.tensor([0.0]))


class RoundedHardSigmoid(nn.Module):
    """BinaryConnect's deterministic binarization."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * torch.round(torch.clamp((x + 1) / 2, 0, 1)) - 1


class BitorchSign(nn.Module):
    """0 becomes +1."""

    def forward(self, x: Tensor) -> Tensor:
        signs = torch.sign(x)
        return torch.where(signs == 0, torch.tensor(1.0), signs)


class SignOfRelu(nn.Module):
    """{0, 1}, since 0 is reachable."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(torch.relu(x))


class TernarySign(nn.Module):
    """{-1, 0, 1} with a dead zone."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x) * (torch.abs(x) > 0.5).float()


class DoReFa(nn.Module):
    """Unsigned activations of ``bits`` bits from 0 to 1."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.levels = float(2**bits - 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.round(torch.clamp(x, 0, 1) * self.levels) / self.levels


class AlphaSign(nn.Module):
    """AdaBin's and RAD-BNN's: sign((x - b) / a) · a + b with learned numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.75]))
        self.b = nn.Parameter(torch.tensor([-0.25]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign((x - self.b) / self.a) * self.a + self.b


class ShiftedSign(nn.Module):
    """Written so that 0 becomes +1."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x + 1e-20)


# -- convolutions ----------------------------------------------------------------------------------


class Convolution(nn.Module):
    """A convolution without bias whose latent weights :meth:`binarized` turns into what is used."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))

    def binarized(self) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.binarized(), stride=self.stride, padding=self.padding)


class HardBinaryConv(Convolution):
    """Bi-Real net's and ReActNet's: mean magnitude times sign, with the gradient of a clamp."""

    def binarized(self) -> Tensor:
        latent = self.weight
        scale = torch.mean(
            torch.mean(torch.mean(abs(latent), dim=3, keepdim=True), dim=2, keepdim=True),
            dim=1,
            keepdim=True,
        ).detach()
        plain = scale * torch.sign(latent)
        clamped = torch.clamp(latent, -1.0, 1.0)
        return plain.detach() - clamped.detach() + clamped


class FlatHardBinaryConv(HardBinaryConv):
    """The latent weights are a column, reshaped in the graph."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding)
        self.dimensions = (outputs, inputs, kernel, kernel)
        self.weights = nn.Parameter(torch.zeros(self.weight.numel(), 1))
        del self.weight

    def binarized(self) -> Tensor:
        latent = self.weights.view(self.dimensions)
        scale = torch.mean(
            torch.mean(torch.mean(abs(latent), dim=3, keepdim=True), dim=2, keepdim=True),
            dim=1,
            keepdim=True,
        ).detach()
        plain = scale * torch.sign(latent)
        clamped = torch.clamp(latent, -1.0, 1.0)
        return plain.detach() - clamped.detach() + clamped


class SignConv(Convolution):
    """The sign of the latent weights."""

    def binarized(self) -> Tensor:
        return torch.sign(self.weight)


class IRNetConv(Convolution):
    """IR-Net's: balanced and normalised weights, their sign, and a scale that is a power of 2."""

    def binarized(self) -> Tensor:
        w = self.weight
        bw = w - w.view(w.size(0), -1).mean(-1).view(w.size(0), 1, 1, 1)
        bw = bw / bw.view(bw.size(0), -1).std(-1).view(bw.size(0), 1, 1, 1)
        sw = torch.pow(
            torch.tensor([2.0]),
            (torch.log(bw.abs().view(bw.size(0), -1).mean(-1)) / 0.6931471805599453)
            .round()
            .float(),
        ).view(bw.size(0), 1, 1, 1)
        return torch.sign(bw) * sw.detach()


class DoReFaConv(Convolution):
    """One bit: mean magnitude of the layer times sign."""

    def binarized(self) -> Tensor:
        scale = self.weight.abs().mean().detach()
        return torch.where(self.weight >= 0, scale, -scale)


class DoReFaLowBitConv(Convolution):
    """Two bits: 2 · round(3 · (tanh w / (2 max |tanh w|) + 1/2)) / 3 - 1."""

    def binarized(self) -> Tensor:
        soft = torch.tanh(self.weight)
        unit = soft / (2 * soft.abs().max()) + 0.5
        return 2 * (torch.round(unit * 3) / 3) - 1


class AdaBinConv(Convolution):
    """AdaBin's two values a filter: its mean plus and minus its deviation."""

    def binarized(self) -> Tensor:
        flat = self.weight.flatten(1)
        centre = flat.mean(1).view(-1, 1, 1, 1)
        distance = torch.sqrt(((self.weight - centre) ** 2).flatten(1).mean(1)).view(-1, 1, 1, 1)
        return torch.sign((self.weight - centre) / distance) * distance + centre


class TernaryConv(Convolution):
    """TWN's: 0 below 0.7 times the mean magnitude, else ± the mean of the rest."""

    def binarized(self) -> Tensor:
        magnitude = self.weight.abs()
        limit = 0.7 * magnitude.mean((1, 2, 3), keepdim=True)
        large = (magnitude > limit).float()
        scale = (magnitude * large).sum((1, 2, 3), keepdim=True) / large.sum(
            (1, 2, 3), keepdim=True
        )
        return scale * torch.sign(self.weight) * large


class StepConv(Convolution):
    """{0, 1}."""

    def binarized(self) -> Tensor:
        return (self.weight > 0).float()
