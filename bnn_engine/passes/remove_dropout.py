"""Dropout, which does nothing outside of training."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph.graph import Attribute, Graph, Node
from bnn_engine.passes.base import Declined, Rewrite

__all__ = ["RemoveDropout"]


class RemoveDropout(Rewrite[bool]):
    """Dropout(x) → Identity(x), and its mask → true everywhere, unless it is in training mode."""

    op_types = frozenset({"Dropout"})

    def match(self, graph: Graph, node: Node) -> bool | Declined | None:
        """Return whether the mask is read."""
        training = node.input(2)
        if training is not None and (training.const is None or training.const.any()):
            return Declined("it may be in training mode: what it drops is random")
        return len(node.outputs) > 1 and bool(
            node.outputs[1].consumers or graph.is_output(node.outputs[1])
        )

    def rewrite(self, graph: Graph, node: Node, match: bool) -> None:
        """Put an Identity in its place, and Shape → ConstantOfShape for the mask."""
        x = node.inputs[0]
        assert x is not None
        made = [Node("Identity", [x], [node.output], name=node.name, origins=node.origins)]
        if match:
            mask, rank = node.outputs[1], None if x.shape is None else len(x.shape)
            shape = graph.value(f"{mask.name}_shape", np.dtype(np.int64), (rank,))
            true: dict[str, Attribute] = {"value": np.ones(1, mask.dtype or np.bool_)}
            made.append(Node("Shape", [x], [shape], origins=node.origins))
            made.append(Node("ConstantOfShape", [shape], [mask], true, origins=node.origins))
        elif len(node.outputs) > 1:
            node.outputs = node.outputs[:1]
        graph.replace_node(node, made)
