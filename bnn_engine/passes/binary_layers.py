"""What the rewrites of dense layers and convolutions to 1-bit weights share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_engine.graph.graph import Attribute, Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Rewrite
from bnn_engine.passes.facts import describe, is_ternary, per_channel_shape
from bnn_engine.passes.sign_rows import SignRows

__all__ = ["BinaryLayer", "BinaryLayerRewrite"]


@dataclass(frozen=True)
class BinaryLayer:
    """A layer y = (x ∗ signs) · scale + bias with signs of ±1.

    Attributes:
        x: the input.
        weights: signs and scales per output channel.
        attributes: those of the new op.
        bias: what to add: [O], a value of the graph, or nothing.
    """

    x: Value
    weights: SignRows
    attributes: dict[str, Attribute]
    bias: NDArray[np.float32] | Value | None


class BinaryLayerRewrite(Rewrite[BinaryLayer]):
    """Base of the rewrites that turn float layers with ±α weights into ops of our domain.

    Σ_k x_k · (α_o · s_ok) + b_o = α_o · (Σ_k x_k · s_ok) + b_o, up to the rounding of the sum; with
    x of −1, 0 and +1 and α = 1 both sides are the same integers plus b_o. A factor α_o = 1 for all
    o and a missing bias leave no node.
    """

    op_name: str
    """Op for inputs of -1, 0 and +1 is "Binary" + op_name, for others "BinaryWeight" + op_name."""

    def declined(self, graph: Graph, node: Node, reason: str) -> None:
        """Every layer that stays in float says why."""
        graph.reasons[node.output.name] = reason

    def rewrite(self, graph: Graph, node: Node, match: BinaryLayer) -> None:
        """Put the 1-bit op, and where needed Mul and Add, in the place of the layer."""
        output = node.output
        along_channels = per_channel_shape(match.x.rank)
        steps: list[tuple[str, Value]] = []
        if (match.weights.scale != 1).any():
            scale = match.weights.scale.reshape(along_channels)
            steps.append(("Mul", graph.constant(f"{output.name}_scale", scale)))
        if isinstance(match.bias, Value):
            steps.append(("Add", match.bias))
        elif match.bias is not None:
            bias = match.bias.reshape(along_channels)
            steps.append(("Add", graph.constant(f"{output.name}_bias", bias)))

        binary = is_ternary(match.x)
        weights = graph.constant(f"{output.name}_signs", match.weights.bits)
        made = Node(
            ("Binary" if binary else "BinaryWeight") + self.op_name,
            [match.x, weights],
            [
                output
                if not steps
                else graph.value(f"{output.name}_sum", output.dtype, output.shape)
            ],
            match.attributes,
            name=node.name,
            domain=DOMAIN,
            origins=node.origins,
        )
        if not binary:
            graph.reasons[made.output.name] = f"input is not binarized: {describe(match.x)}"
        nodes = [made]
        for position, (op_type, operand) in enumerate(steps):
            last = position == len(steps) - 1
            result = (
                output if last else graph.value(f"{output.name}_scaled", output.dtype, output.shape)
            )
            nodes.append(
                Node(op_type, [nodes[-1].output, operand], [result], name="", origins=node.origins)
            )
        graph.replace_node(node, nodes)
