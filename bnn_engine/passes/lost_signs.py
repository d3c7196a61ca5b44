"""Finds layers of 1-bit weights in front of which the exporter seems to have lost a Sign."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Pass

__all__ = ["FindLostSigns"]

_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

# Ops that only move, pool or pad what an activation gave.
_TRANSPARENT = frozenset(
    {
        "AveragePool",
        "Cast",
        "Concat",
        "Dropout",
        "Expand",
        "Flatten",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Identity",
        "MaxPool",
        "Pad",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)

# After these, layers with 1-bit weights are meant to read real numbers: BinaryConnect, and the
# binary-weight networks of Rastegari et al. Mul of two tensors is a gate (Swish, squeeze and
# excitation).
_FLOAT_ACTIVATIONS = frozenset(
    {
        "Celu",
        "Elu",
        "Exp",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "LogSoftmax",
        "Mish",
        "Mul",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softmax",
        "Softplus",
        "Swish",
        "ThresholdedRelu",
    }
)


# Quantizers to more levels than bits are made of: the input is what it was trained to be.
_ROUNDING = frozenset({"Ceil", "Floor", "Round"})


class FindLostSigns(Pass):
    """Adds to ``Graph.warnings`` and ``Graph.reasons``; the graph stays as it is.

    ``x.data = x.data.sign()`` runs in PyTorch but is not traced: the export computes real numbers
    where the network was trained on signs, and nothing in it is invalid. It gives itself away by
    layers whose weights are ±α but whose input is the result of a BatchNormalization, a PRelu, a
    Clip, a Tanh or a sum: binarized networks put the Sign there, networks with only their weights
    binarized have an activation such as Relu. The first layers of a network read real numbers in
    both, and weights that are all +α are no layer but a mean, as in the K-maps of XNOR-Net.
    """

    def run(self, graph: Graph) -> None:
        """Look at every layer of 1-bit weights with a float input."""
        behind_layer: set[int] = set()
        lines: list[str] = []
        for node in graph.nodes:
            behind = any(id(value) in behind_layer for value in node.reads())
            if behind or _is_layer(node):
                behind_layer.update(id(value) for value in node.outputs)
            if not behind or node.domain != DOMAIN or not node.op_type.startswith("BinaryWeight"):
                continue
            source = _activation(node.inputs[0])
            if source is None or _is_float_activation(source) or _is_mean(node):
                continue
            where = f"{source.op_type} {source.name or source.output.name!r}"
            graph.reasons[node.output.name] = (
                f"input is not binarized: comes from {where}; was a Sign lost in export?"
            )
            lines.append(f"\n  - {node.name or node.output.name!r}, whose input comes from {where}")
        if lines:
            graph.warnings.append(
                "there are layers with binary weights but real inputs. If they were trained on "
                "signs, these were lost in export (x.data = x.data.sign() is not traced: write "
                f"x = torch.sign(x)):{''.join(lines)}"
            )


def _is_layer(node: Node) -> bool:
    return node.op_type in _LAYERS or (
        node.domain == DOMAIN and node.op_type.endswith(("Conv", "Gemm"))
    )


def _is_mean(node: Node) -> bool:
    packed = node.input(1)
    return packed is not None and packed.const is not None and not packed.const.any()


def _activation(value: Value | None) -> Node | None:
    """What computed ``value`` before it was moved, pooled, padded, scaled or shifted."""
    while value is not None and (node := value.producer) is not None:
        data = [source for source in node.inputs if source is not None and source.const is None]
        scaled = node.op_type in ("Add", "Div", "Mul", "Sub") and len(data) == 1
        if not data or not (scaled or node.op_type in _TRANSPARENT):
            return node
        value = data[0]
    return None


def _is_float_activation(node: Node) -> bool:
    if node.op_type == "Clip":  # not negative: ReLU6 and its kind; or of a quantizer
        low, source = node.input(1), _activation(node.inputs[0])
        if source is not None and source.op_type in _ROUNDING:
            return True
        return (
            low is not None
            and low.const is not None
            and bool(np.all(np.greater_equal(low.const, 0)))
        )
    return node.op_type in _FLOAT_ACTIVATIONS or node.op_type in _ROUNDING
