"""Chooses in which order the axes of intermediate tensors are stored, to need few Transposes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bnn_engine.graph.graph import Graph, Node, Value
from bnn_engine.ops import DOMAIN
from bnn_engine.passes.base import Pass
from bnn_engine.passes.layout_rules import (
    Order,
    absorb,
    absorbs,
    carried,
    composed,
    inverse,
    permute_node,
)

__all__ = ["AssignLayouts"]

_CHANNELS_FIRST = frozenset(
    {
        ("", "AveragePool"),
        ("", "BatchNormalization"),
        ("", "Conv"),
        ("", "ConvTranspose"),
        ("", "GlobalAveragePool"),
        ("", "GlobalMaxPool"),
        ("", "MaxPool"),
        (DOMAIN, "BinaryConv"),
        (DOMAIN, "BinaryWeightConv"),
        (DOMAIN, "LowBitConv"),
    }
)


class AssignLayouts(Pass):
    """Moves Transposes through nodes that do not care, where that leaves fewer of them.

    With T_q(x) for x with its axes permuted by q, and f permutable (:mod:`.layout_rules`):

        f(T_q(x), T_q(y)) = T_q(f'(x, y))      T_p(T_q(x)) = T_qp(x)      T_id(x) = x

    Permutable nodes that read each other form a *region*. Storing all results of a region permuted
    by q instead of as they are puts T_q on every edge into it and the inverse on every edge out of
    it; these merge with the Transposes that are there. How many different ones (tensor, order) are
    left can be counted without changing anything, so for each region every q that cancels some
    Transpose at its border is tried, and the best is taken where it needs fewer Transposes, or as
    many of which fewer stand beside ops that take channels first. This never increases their
    number, and as it decreases (number, those beside such ops) each time, it ends.

    Reductions and Squeeze that drop axes take a permuted tensor as it is, if the axes that are left
    keep their order.
    """

    def run(self, graph: Graph) -> None:
        """Move, merge and remove Transposes."""
        if not any(_order_of(node) for node in graph.nodes):
            return
        _merge(graph)
        while sum(_improve(graph, region) for region in _regions(graph)):
            _merge(graph)
            graph.remove_dead_nodes()


@dataclass(frozen=True)
class _Region:
    """Permutable nodes with the inputs that are permuted with them, by node id."""

    nodes: list[Node]
    slots: dict[int, tuple[int, ...]]
    values: dict[int, Value]  # what they compute, by id

    @property
    def rank(self) -> int:
        rank = self.nodes[0].output.rank
        assert rank is not None
        return rank

    def carries(self, node: Node | None, slot: int) -> bool:
        """Whether input ``slot`` of ``node`` is permuted with the region."""
        return node is not None and slot in self.slots.get(id(node), ())


@dataclass(frozen=True)
class _Use:
    """A tensor read through Transposes that add up to ``order``.

    ``node`` is None for a graph output, ``slot`` -1 for what a sub-graph reads.
    """

    order: Order
    node: Node | None
    slot: int


def _order_of(node: Node) -> Order | None:
    """The order of a Transpose, None for other nodes."""
    source = node.input(0)
    if (node.domain, node.op_type) != ("", "Transpose") or source is None or source.rank is None:
        return None
    order = node.attributes.get("perm", list(range(source.rank))[::-1])
    if not isinstance(order, list) or sorted(order) != list(range(source.rank)):
        return None
    return tuple(order) if node.output.rank == source.rank else None  # else inference has failed


def _root(value: Value) -> tuple[Value, Order]:
    """The tensor that Transposes make ``value`` of, and their order altogether."""
    assert value.rank is not None
    order = tuple(range(value.rank))
    while value.producer is not None and (step := _order_of(value.producer)) is not None:
        source = value.producer.inputs[0]
        assert source is not None
        value, order = source, composed(step, order)
    return value, order


def _uses(graph: Graph, value: Value, order: Order) -> Iterator[_Use]:
    """All that reads T_order of some tensor, which ``value`` is, behind further Transposes."""
    if graph.is_output(value):
        yield _Use(order, None, 0)
    for node in dict.fromkeys(value.consumers):
        step = _order_of(node)
        if step is not None:
            yield from _uses(graph, node.output, composed(order, step))
            continue
        yield from (
            _Use(order, node, slot) for slot, read in enumerate(node.inputs) if read is value
        )
        if any(read is value for read in node.captures.values()):
            yield _Use(order, node, -1)


def _regions(graph: Graph) -> list[_Region]:
    """All of them, in the order of their first nodes."""
    slots = {id(node): found for node in graph.nodes if (found := carried(node)) is not None}
    leader = {key: key for key in slots}

    def find(key: int) -> int:
        while leader[key] != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    members: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for slot in slots.get(id(node), ()):
            value = node.inputs[slot]
            if value is not None and value.producer is not None and id(value.producer) in slots:
                leader[find(id(node))] = find(id(value.producer))
    for node in graph.nodes:
        if id(node) in slots:
            members.setdefault(find(id(node)), []).append(node)
    return [
        _Region(
            nodes,
            {id(node): slots[id(node)] for node in nodes},
            {id(value): value for node in nodes for value in node.outputs},
        )
        for nodes in members.values()
    ]


def _improve(graph: Graph, region: _Region) -> bool:
    """Store ``region`` in the order that needs the fewest Transposes; False where it has it."""
    identity = tuple(range(region.rank))
    roots = dict(region.values)
    for node in region.nodes:
        for slot in region.slots[id(node)]:
            value = node.inputs[slot]
            assert value is not None
            root, _ = _root(value)
            roots[id(root)] = root
    uses = [(root, use) for root in roots.values() for use in _uses(graph, root, identity)]
    orders = set()
    for root, use in uses:
        if id(root) in region.values:
            orders.add(use.order)
        if region.carries(use.node, use.slot):
            orders.add(inverse(use.order))
    best, fewest = identity, _cost(region, uses, identity)
    for order in sorted(orders - {identity}):
        cost = _cost(region, uses, order)
        if cost < fewest:
            best, fewest = order, cost
    if best == identity:
        return False
    _permute(graph, region, best)
    return True


def _cost(region: _Region, uses: list[tuple[Value, _Use]], order: Order) -> tuple[int, int]:
    """Transposes that the region needs at its border, and those beside channels-first ops."""
    back = inverse(order)
    identity = tuple(range(region.rank))
    needed: dict[tuple[int, Order], bool] = {}
    for root, use in uses:
        total = use.order
        if id(root) in region.values:
            total = composed(back, total)
        if region.carries(use.node, use.slot):
            total = composed(total, order)
        if total == identity or (use.node is not None and absorbs(use.node, use.slot, total)):
            continue
        beside = _channels_first(root.producer) or _channels_first(use.node)
        key = (id(root), total)
        needed[key] = needed.get(key, False) or beside
    return len(needed), sum(needed.values())


def _channels_first(node: Node | None) -> bool:
    return node is not None and (node.domain, node.op_type) in _CHANNELS_FIRST


def _permute(graph: Graph, region: _Region, order: Order) -> None:
    """Let the nodes of ``region`` compute permuted results; all else reads them transposed back."""
    back = inverse(order)
    for node in region.nodes:
        permute_node(graph, node, order)
        for slot in region.slots[id(node)]:
            value = node.inputs[slot]
            assert value is not None
            if id(value) not in region.values:
                index = graph.nodes.index(node)
                graph.set_input(node, slot, _transpose(graph, value, order, index))
    for node in region.nodes:
        for position, value in enumerate(node.outputs):
            assert value.shape is not None
            shape = tuple(value.shape[axis] for axis in order)
            moved = graph.value(f"{value.name}_permuted", value.dtype, shape)
            node.outputs[position] = moved
            moved.producer = node
            for reader in list(value.consumers):
                for slot in region.slots.get(id(reader), ()):
                    if reader.inputs[slot] is value:
                        graph.set_input(reader, slot, moved)
            made = Node(
                "Transpose", [moved], [value], {"perm": list(back)}, name=f"{value.name}_back"
            )
            graph.insert(graph.nodes.index(node) + 1, made)


def _transpose(graph: Graph, value: Value, order: Order, index: int) -> Value:
    """T_order(value), computed in front of node ``index``."""
    assert value.shape is not None
    shape = tuple(value.shape[axis] for axis in order)
    made = graph.value(f"{value.name}_transposed", value.dtype, shape)
    node = Node("Transpose", [value], [made], {"perm": list(order)}, name=made.name)
    graph.insert(index, node)
    return made


def _merge(graph: Graph) -> None:
    """Leave one Transpose per tensor and order, none that does nothing or can be absorbed."""
    made: dict[tuple[int, Order], Value] = {}
    for node in list(graph.nodes):
        if _order_of(node) is None:
            _absorb(graph, node)
            continue
        root, order = _root(node.output)
        if order == tuple(range(len(order))):
            graph.replace_value(node.output, root)
            graph.remove(node)
        elif (id(root), order) in made:
            graph.replace_value(node.output, made[id(root), order])
            graph.remove(node)
        else:
            graph.set_input(node, 0, root)
            node.attributes["perm"] = list(order)
            made[id(root), order] = node.output


def _absorb(graph: Graph, node: Node) -> None:
    value = node.input(0)
    if value is None or value.rank is None:
        return
    root, order = _root(value)
    if root is not value and absorbs(node, 0, order):
        absorb(graph, node, order)
        graph.set_input(node, 0, root)
