"""Recognises activations that take a few values, however they are written."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.passes.base import Declined, Pass, merged_origins
from bnn_engine.passes.binarize import binarize_node
from bnn_engine.passes.expressions import Expression, expressions_of
from bnn_engine.passes.interval_rules import DISCONTINUOUS, ELEMENTWISE
from bnn_engine.passes.levels import Levels, levels_of, sign_scale
from bnn_engine.passes.quantize_node import quantize_node
from bnn_engine.passes.staircases import Effort, staircase_of

__all__ = ["RecogniseActivations"]

_LOG = logging.getLogger(__name__)

# Between Round and the Clip that bounds it lie a few nodes, not dozens.
_MAX_FAILURES = 12

# [N, C] and images of up to three axes.
_PACKED_RANKS = range(2, 6)

_AFFINE = frozenset({"Add", "Div", "Identity", "Mul", "Neg", "Sub"})


@dataclass(frozen=True)
class _Form:
    """What a staircase is: scale · Sign(x), or levels where ``scale`` is None."""

    scale: float | None
    levels: Levels


@dataclass(frozen=True)
class _Match:
    expression: Expression
    form: _Form


class RecogniseActivations(Pass):
    """f(x) → α · Sign(x), α · Binarize(x) or Quantize(x), for every staircase f.

    f is an element-wise expression of one tensor x: comparisons and Where, Round between Clips,
    sums of Signs, what training leaves around them, and anything else made of the ops that
    :mod:`interval_rules` knows. Where :func:`staircase_of` proves that it is constant on each of a
    few pieces of the float32 numbers, it is an op that compares x with the ends of these pieces:

        values -α, 0, +α, 0 only for ±0, and NaN passes    Sign, times α
        values -α and +α, either on an interval             Binarize, times α
        up to 16 values on nested intervals                 Quantize

    which is equal for every x, infinities and NaN included (±0 as results are one number), but for
    what :func:`straight_through.cancelled` leaves out. x is the tensor of which f takes the fewest
    values, and of several the nearest one that anything else reads. The largest expressions are
    tried first; what varies along other axes than the channels stays outside, and so does a factor
    per channel.
    """

    def run(self, graph: Graph) -> None:
        """Look at the largest expressions first."""
        search = _Search(graph)
        for node in reversed(search.nodes):
            if search.effort.is_spent():
                return
            if node.domain or node.op_type not in ELEMENTWISE or not _is_read(graph, node.output):
                continue
            match = search.match(node)
            if isinstance(match, Declined):
                _LOG.debug("%s leaves %r: %s", type(self).__name__, node, match.reason)
            elif match is not None:
                _rewrite(graph, node, match)


def _is_read(graph: Graph, value: Value) -> bool:
    return bool(value.consumers) or graph.is_output(value)


class _Search:
    """Finds the best form of every node of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.nodes = list(graph.nodes)
        self._position = {id(node): place for place, node in enumerate(self.nodes)}
        self._forms: dict[Hashable, _Form | str] = {}
        self.effort = Effort()

    def match(self, node: Node) -> _Match | Declined | None:
        """Return the best form of ``node`` as a function of one tensor."""
        if node.output.dtype != np.float32:
            return None
        best: _Match | None = None
        reasons: list[str] = []
        for expression in expressions_of(node.output, self._position):
            if not any(step.op_type in DISCONTINUOUS for step in expression.nodes):
                continue
            if best is not None and expression.channels > best.expression.channels:
                break  # thresholds per channel are found by AbsorbIntoThresholds
            form = self._form(expression)
            if isinstance(form, str):
                reasons.append(form)
                if len(reasons) == _MAX_FAILURES:
                    break
                continue
            found = _Match(expression, form)
            if best is None or self._is_better(found, best):
                best = found
        if best is None:
            return Declined(reasons[-1]) if reasons else None
        if best.expression.root.rank not in _PACKED_RANKS and best.form.scale is None:
            return Declined("it has no channels along axis 1")
        return None if _is_scaled_sign(best.expression) else best

    def _form(self, expression: Expression) -> _Form | str:
        """The form of an expression; nets repeat the same one in every layer."""
        key = expression.signature()
        if key not in self._forms:
            self._forms[key] = _form_of(expression, self.effort)
        return self._forms[key]

    def _is_better(self, found: _Match, best: _Match) -> bool:
        """Whether ``found``, which begins farther up, is the better one."""
        if _rank(found) != _rank(best):
            return _rank(found) < _rank(best)
        inside = {id(node) for node in found.expression.nodes}
        between = [node.output for node in found.expression.nodes[:-1]]
        return not any(
            self._graph.is_output(value) or any(id(c) not in inside for c in value.consumers)
            for value in between
        )


def _rank(match: _Match) -> tuple[int, int, bool]:
    """Few values come first, then little that is left to other nodes, then Sign."""
    steps = sum(node.op_type in DISCONTINUOUS for node in match.expression.nodes)
    return match.form.levels.values.size, -steps, match.form.scale is None


def _form_of(expression: Expression, effort: Effort) -> _Form | str:
    try:
        staircase = staircase_of(expression, effort)
    except TypeError as error:  # a model whose types do not fit has no answer
        return f"its types do not fit: {error}"
    if isinstance(staircase, str):
        return staircase
    levels = levels_of(staircase)
    return levels if isinstance(levels, str) else _Form(sign_scale(staircase), levels)


def _is_scaled_sign(expression: Expression) -> bool:
    """Return whether it is Sign of its root, times and plus constants: nothing is simpler."""
    signs = [node for node in expression.nodes if node.op_type == "Sign"]
    if len(signs) != 1 or signs[0].inputs[0] is not expression.root:
        return False
    others = [node for node in expression.nodes if node is not signs[0]]
    return all(
        node.op_type in _AFFINE and _variables(node, expression) == 1 for node in others
    ) and not any(value is expression.root for node in others for value in node.inputs)


def _variables(node: Node, expression: Expression) -> int:
    return sum(id(value) not in expression.constants for value in node.inputs)


def _rewrite(graph: Graph, node: Node, match: _Match) -> None:
    """Put the form in the place of the expression's last node, and delete what nobody reads."""
    expression, form = match.expression, match.form
    made = _nodes_of(graph, node, expression.root, form)
    for new in made:
        new.origins = merged_origins(*expression.nodes)
    graph.replace_node(node, made)
    for old in reversed(expression.nodes[:-1]):
        if not _is_read(graph, old.output):
            graph.remove(old)


def _nodes_of(graph: Graph, node: Node, root: Value, form: _Form) -> list[Node]:
    levels = form.levels
    scale = form.scale
    if scale is None and levels.values.size == 2 and levels.values[0] == -levels.values[1]:
        scale = float(np.abs(levels.values[1]))
    if scale is None:
        made = quantize_node(
            graph,
            root,
            levels.lower,
            levels.upper,
            levels.values.tolist(),
            node.outputs,
            node.name,
            nan_passes=levels.nan_passes,
        )
        return [made]
    outputs, multiplication = node.outputs, list[Node]()
    if scale != 1:
        outputs = [graph.value(f"{node.output.name}_signs", root.dtype, root.shape)]
        factor = graph.constant(f"{node.output.name}_scale", np.array(scale, np.float32))
        multiplication = [Node("Mul", [*outputs, factor], node.outputs, name=node.name)]
    name = outputs[0].name if multiplication else node.name
    if form.scale is not None:
        return [Node("Sign", [root], outputs, name=name), *multiplication]
    binarize = binarize_node(
        graph,
        root,
        levels.lower[0],
        levels.upper[0],
        float(np.sign(levels.values[1])),
        outputs,
        name,
        nan_passes=levels.nan_passes,
    )
    return [binarize, *multiplication]
