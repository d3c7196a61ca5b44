"""What a pass is: a rewrite of the graph that keeps its meaning."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from bnn_engine.graph.graph import Graph, Node

__all__ = ["Declined", "Pass", "Rewrite", "merged_origins"]

_LOG = logging.getLogger(__name__)

MatchT = TypeVar("MatchT")


class Pass(ABC):
    """One step of the analysis. Its docstring derives why the graph's meaning stays the same."""

    @abstractmethod
    def run(self, graph: Graph) -> None:
        """Rewrite ``graph`` in place; nodes that nobody reads any more may be left behind."""


@dataclass(frozen=True)
class Declined:
    """A pattern was found but may not be rewritten."""

    reason: str


class Rewrite(Pass, Generic[MatchT]):
    """A pass that looks at one node after another, in data flow order.

    Attributes:
        op_types: op types at which the pattern is anchored.
        domain: their domain.
    """

    op_types: ClassVar[frozenset[str]]
    domain: ClassVar[str] = ""

    @abstractmethod
    def match(self, graph: Graph, node: Node) -> MatchT | Declined | None:
        """Look at ``node``.

        Returns:
            What :meth:`rewrite` needs; the reason why the pattern is there but must stay; or None
            where the pattern is not there.
        """

    @abstractmethod
    def rewrite(self, graph: Graph, node: Node, match: MatchT) -> None:
        """Replace the pattern anchored at ``node``."""

    def declined(self, graph: Graph, node: Node, reason: str) -> None:
        """Return called for every pattern that stays."""
        del graph
        _LOG.debug("%s leaves %r: %s", type(self).__name__, node, reason)

    def run(self, graph: Graph) -> None:
        """Rewrite every match in one sweep."""
        for node in list(graph.nodes):
            if node.domain != self.domain or node.op_type not in self.op_types:
                continue
            if node.output.producer is not node:  # an earlier rewrite took it along
                continue
            match = self.match(graph, node)
            if isinstance(match, Declined):
                self.declined(graph, node, match.reason)
            elif match is not None:
                self.rewrite(graph, node, match)


def merged_origins(*nodes: Node) -> tuple[str, ...]:
    """Origins of the node that stands for all of ``nodes``, given in data flow order."""
    return tuple(dict.fromkeys(origin for node in nodes for origin in node.origins))
