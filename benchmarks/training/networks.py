"""The four networks of fastinference in PyTorch, and the form of them that is exported.

Every network maps raw pixels, float32 [N, 784] with values 0..255, to log-probabilities,
float32 [N, 10]. There is no padding anywhere. In the binarized networks every weight and every
bias is -1 or +1, in the first and the last layer too, and the activation is
``sign(x) = +1 if x > 0 else -1``. Because the inputs are integers, every binarized layer's sum is
an integer that float32 holds exactly.
"""

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_CLASSES = 10
IMAGE_SIDE = 28
NUM_PIXELS = IMAGE_SIDE * IMAGE_SIDE


class _SignStraightThrough(torch.autograd.Function):
    """sign(x) with sign(0) = -1; backward, the gradient of the identity."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        # Not the usual x + (sign(x) - x).detach(): it rounds, and a weight that is not exactly
        # +-1 turns integer sums into nearly-integers, so training and export would disagree.
        return torch.where(x > 0, 1.0, -1.0)

    @staticmethod
    def backward(_ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0]


def binarize(x: Tensor) -> Tensor:
    """Return +1 where x > 0 and -1 elsewhere (float32, the shape of x), differentiably.

    The gradient passes straight through. Zero and NaN become -1, as in the exported graph.
    """
    apply: Callable[[Tensor], Tensor] = _SignStraightThrough.apply
    return apply(x)


class BinaryLinear(nn.Linear):
    """A dense layer that computes with the signs of its latent float weights and biases."""

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, in_features] -> float32 [N, out_features]."""
        return functional.linear(x, binarize(self.weight), binarize(self.bias))


class BinaryConv2d(nn.Conv2d):
    """A convolution that computes with the signs of its latent float weights and biases."""

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, in_channels, H, W] -> float32 [N, out_channels, H', W']."""
        assert self.bias is not None
        return functional.conv2d(x, binarize(self.weight), binarize(self.bias))


class BinaryTanh(nn.Module):
    """The sign activation of training: sign forward, the gradient of hardtanh backward."""

    def forward(self, x: Tensor) -> Tensor:
        """float32 of any shape -> the same shape, values -1 and +1."""
        return binarize(functional.hardtanh(x))


class Sign(nn.Module):
    """The sign activation of the exported network: Greater and Where, two standard ops."""

    def forward(self, x: Tensor) -> Tensor:
        """float32 of any shape -> the same shape, values -1 and +1."""
        return torch.where(x > 0, torch.tensor([1.0]), torch.tensor([-1.0]))


class Classifier(nn.Module):
    """Base of the four networks: a subclass computes logits, the network ends in LogSoftmax."""

    def logits(self, x: Tensor) -> Tensor:
        """float32 [N, 784], raw pixels -> float32 [N, 10], the scores before LogSoftmax."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 784], raw pixels -> float32 [N, 10], log-probabilities."""
        return functional.log_softmax(self.logits(x), dim=1)


class Mlp(Classifier):
    """Two hidden dense layers, each followed by BatchNorm and an activation."""

    def __init__(self, binary: bool, hidden_1: int, hidden_2: int) -> None:
        super().__init__()
        linear = BinaryLinear if binary else nn.Linear
        activation = BinaryTanh if binary else nn.ReLU
        self.layer_1 = linear(NUM_PIXELS, hidden_1)
        self.bn_1 = nn.BatchNorm1d(hidden_1)
        self.activation_1 = activation()
        self.layer_2 = linear(hidden_1, hidden_2)
        self.bn_2 = nn.BatchNorm1d(hidden_2)
        self.activation_2 = activation()
        self.layer_3 = linear(hidden_2, NUM_CLASSES)

    def logits(self, x: Tensor) -> Tensor:
        """See Classifier.logits."""
        x = self.activation_1(self.bn_1(self.layer_1(x)))
        x = self.activation_2(self.bn_2(self.layer_2(x)))
        scores: Tensor = self.layer_3(x)
        return scores


class Cnn(Classifier):
    """Two 3x3 convolutions of 32 channels with 2x2 max-pooling, then a hidden dense layer of 32."""

    def __init__(self, binary: bool) -> None:
        super().__init__()
        conv = BinaryConv2d if binary else nn.Conv2d
        linear = BinaryLinear if binary else nn.Linear
        activation = BinaryTanh if binary else nn.ReLU
        self.conv_1 = conv(1, 32, 3)  # 28 -> 26
        self.bn_1 = nn.BatchNorm2d(32)
        self.activation_1 = activation()
        self.pool_1 = nn.MaxPool2d(2)  # 26 -> 13
        self.conv_2 = conv(32, 32, 3)  # 13 -> 11
        self.bn_2 = nn.BatchNorm2d(32)
        self.activation_2 = activation()
        self.pool_2 = nn.MaxPool2d(2)  # 11 -> 5
        self.layer_1 = linear(32 * 5 * 5, 32)
        self.bn_3 = nn.BatchNorm1d(32)
        self.activation_3 = activation()
        self.layer_2 = linear(32, NUM_CLASSES)

    def _activate_and_pool(self, x: Tensor, activation: nn.Module, pool: nn.Module) -> Tensor:
        # Sign and ReLU are monotone, so they commute with the maximum: both orders give the same
        # values. Training pools first. The maximum of a window of signs is a tie nearly always
        # and would send the gradient to an arbitrary pixel, where the maximum of the numbers
        # behind the signs sends it to the pixel that decides; and the activation touches a quarter
        # of the elements. The exported graph has the documented order, activation then pooling.
        stages = (pool, activation) if self.training else (activation, pool)
        for stage in stages:
            x = stage(x)
        return x

    def logits(self, x: Tensor) -> Tensor:
        """See Classifier.logits."""
        x = x.view(-1, 1, IMAGE_SIDE, IMAGE_SIDE)
        x = self._activate_and_pool(self.bn_1(self.conv_1(x)), self.activation_1, self.pool_1)
        x = self._activate_and_pool(self.bn_2(self.conv_2(x)), self.activation_2, self.pool_2)
        x = x.flatten(1)
        x = self.activation_3(self.bn_3(self.layer_1(x)))
        scores: Tensor = self.layer_2(x)
        return scores


NETWORKS: dict[str, Callable[[], Classifier]] = {
    "mlp": lambda: Mlp(binary=False, hidden_1=8, hidden_2=16),
    "bmlp": lambda: Mlp(binary=True, hidden_1=128, hidden_2=256),
    "cnn": lambda: Cnn(binary=False),
    "bcnn": lambda: Cnn(binary=True),
}
"""How to make each network, untrained, by the name it has on the command line."""


def latent_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the latent weights and biases: the parameters of which only the sign is used."""
    return [
        parameter
        for module in network.modules()
        if isinstance(module, BinaryLinear | BinaryConv2d)
        for parameter in module.parameters(recurse=False)
    ]


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Lay out the 4-D parameters of a network in memory as stated; their values stay."""
    # nn.Module.to takes the argument, but its type stub does not know it.
    cast(Any, network).to(memory_format=memory_format)


def exportable(network: Classifier) -> Classifier:
    """Return a copy in evaluation mode that holds only what every ONNX tool understands.

    Binary layers become plain nn.Linear and nn.Conv2d holding -1 and +1, and the sign activation
    becomes Greater and Where (what fastinference calls sanitizing). The copy computes the same;
    a binarized network's outputs are bit-equal to the original's.
    """
    result: Classifier = copy.deepcopy(network).eval()
    set_memory_format(result, torch.contiguous_format)
    for name, module in list(result.named_children()):
        replacement: nn.Module
        if isinstance(module, BinaryLinear):
            replacement = nn.Linear(module.in_features, module.out_features)
        elif isinstance(module, BinaryConv2d):
            replacement = nn.Conv2d(
                module.in_channels, module.out_channels, cast(tuple[int, int], module.kernel_size)
            )
        elif isinstance(module, BinaryTanh):
            replacement = Sign()
        else:
            continue
        replacement.load_state_dict(
            {key: binarize(latent).detach() for key, latent in module.state_dict().items()}
        )
        setattr(result, name, replacement.eval())
    return result
