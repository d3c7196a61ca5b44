"""Late binding: networks built for the values that parameters take at run time.

Some models read as inputs what decides how an op works: the target of a Reshape, axes, pads,
scales, even weights. Native steps want constants there. So a network is built for the values of a
call, with these inputs as constants, and kept for the next calls with the same values.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine.errors import BnnError
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering import LayerSummary, lower
from bnn_engine.lowering.native_ops import why_not_native
from bnn_engine.network import Network
from bnn_engine.passes import Pass, run_passes

__all__ = ["LateBinding", "parameter_inputs"]

_LOG = logging.getLogger(__name__)

Array = NDArray[Any]

PARAMETER_SLOTS: Mapping[str, tuple[int, ...]] = {
    "BatchNormalization": (1, 2, 3, 4),
    "CenterCropPad": (1,),
    "Clip": (1, 2),
    "Conv": (1, 2),
    "ConvInteger": (1, 2, 3),
    "ConvTranspose": (1, 2),
    "CumProd": (1,),
    "CumSum": (1,),
    "DFT": (1, 2),
    "DequantizeLinear": (1, 2),
    "Expand": (1,),
    "GRU": (1, 2, 3),
    "Gemm": (1, 2),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LSTM": (1, 2, 3, 7),
    "LayerNormalization": (1, 2),
    "MatMul": (1,),
    "MatMulInteger": (1, 2, 3),
    "OneHot": (1, 2),
    "PRelu": (1,),
    "Pad": (1, 2, 3),
    "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "QLinearMatMul": (1, 2, 3, 4, 5, 6, 7),
    "QuantizeLinear": (1, 2),
    "RMSNormalization": (1,),
    "RNN": (1, 2, 3),
    "ReduceL1": (1,),
    "ReduceL2": (1,),
    "ReduceLogSum": (1,),
    "ReduceLogSumExp": (1,),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceProd": (1,),
    "ReduceSum": (1,),
    "ReduceSumSquare": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
}
"""Inputs that are parameters of an op rather than its data: shapes, axes, scales, weights."""

MAX_BYTES = 2**20
"""Larger values are never bound: they are compared by hash on every call."""

CAPACITY = 8
"""Number of networks kept, the latest used ones."""

MAX_MISSES = 16
"""A model that asked for so many networks without using most of them again gets no more."""

_Built = tuple[Network, list[LayerSummary]]

_OPAQUE = frozenset({"Bernoulli", "If", "Loop", "Multinomial", "RandomNormalLike", "Scan"})


def parameter_inputs(graph: Graph, nodes: Iterable[Node]) -> list[str]:
    """Inputs of ``graph`` whose values decide a parameter of one of ``nodes``, in order."""
    found: dict[int, Value] = {}
    for node in nodes:
        if node.domain:
            continue
        for slot in PARAMETER_SLOTS.get(node.op_type, ()):
            value = node.input(slot)
            if value is not None and value.const is None:
                found.update(_sources(value))
    return [value.name for value in graph.inputs if id(value) in found]


def _sources(value: Value) -> dict[int, Value]:
    """The graph inputs that ``value`` is computed from; none if one of them cannot be bound."""
    sources: dict[int, Value] = {}
    waiting, seen = [value], {id(value)}
    while waiting:
        current = waiting.pop()
        node = current.producer
        if node is None:
            if current.const is None:
                if not _may_be_small(current):
                    return {}
                sources[id(current)] = current
            continue
        if node.domain or node.captures or node.op_type in _OPAQUE:
            return {}
        if node.op_type in ("Shape", "Size"):
            continue
        for read in node.reads():
            if id(read) not in seen:
                seen.add(id(read))
                waiting.append(read)
    return sources


def _may_be_small(value: Value) -> bool:
    if value.container is not None or value.dtype is None or value.dtype.hasobject:
        return False
    size = value.dtype.itemsize
    for extent in value.shape or ():
        size *= extent if isinstance(extent, int) else 1
    return size <= MAX_BYTES


class LateBinding:
    """The networks of one model, by the values of its late inputs.

    Attributes:
        layers: summary of the network used last; None before the first call, and where no network
            for given values saves Python steps.
    """

    def __init__(
        self,
        graph: Graph,
        late: Iterable[str],
        passes: Iterable[Pass],
        build: Callable[[Graph], _Built],
        python_steps: int,
    ) -> None:
        """Use :meth:`of`.

        Args:
            graph: the model before all passes.
            late: names of the inputs to bind.
            passes: what to run after binding.
            build: lowers a graph.
            python_steps: of the network that binds nothing.
        """
        self._graph = graph
        self._late = tuple(late)
        self._passes = tuple(passes)
        self._build = build
        self._python_steps = python_steps
        self._networks: OrderedDict[bytes, _Built | None] = OrderedDict()
        self._lock = threading.Lock()
        self._misses = 0
        self._hits = 0
        self.layers: list[LayerSummary] | None = None

    @staticmethod
    def of(
        graph: Graph, lowered: Graph, passes: Iterable[Pass], num_threads: int, fallback: str
    ) -> LateBinding | None:
        """Return the late binding of a model; None where there is nothing to gain.

        Args:
            graph: the model before all passes; it is kept.
            lowered: the same model after them.
            passes: what to run after binding.
            num_threads: for :func:`bnn_engine.lowering.lower`.
            fallback: likewise.
        """
        python = [node for node in lowered.nodes if why_not_native(node) is not None]
        late = parameter_inputs(lowered, python)
        if not late:
            return None

        def build(bound: Graph) -> _Built:
            return lower(bound, num_threads, fallback)

        return LateBinding(graph, late, passes, build, len(python))

    def network(self, arrays: Mapping[str, Any]) -> Network | None:
        """Return the network for the late inputs among ``arrays``, None for that of the engine."""
        values = {name: arrays[name] for name in self._late}
        if sum(value.nbytes for value in values.values()) > MAX_BYTES:
            return None
        key = _digest(values.values())
        with self._lock:
            known = key in self._networks
            built = self._networks.get(key)
            if known:
                self._networks.move_to_end(key)
                self._hits += 1
            elif self._misses >= max(MAX_MISSES, self._hits):
                self.layers = None
                return None
            else:
                self._misses += 1
        if not known:
            built = self._specialised(values)
        with self._lock:
            self._networks[key] = built
            while len(self._networks) > CAPACITY:
                self._networks.popitem(last=False)
            self.layers = None if built is None else built[1]
        return None if built is None else built[0]

    def trim(self) -> None:
        """Forget all networks."""
        with self._lock:
            self._networks.clear()

    def _specialised(self, values: Mapping[str, Array]) -> _Built | None:
        """Build the network for ``values``; None where it would save no Python step."""
        graph = self._graph.copy()
        for value in graph.inputs:
            if value.name in values:
                value.const = np.array(values[value.name])  # the caller may change the array
                value.dtype, value.shape = value.const.dtype, value.const.shape
        graph.inputs = [value for value in graph.inputs if value.const is None]
        try:
            run_passes(graph, self._passes)
            network, layers = self._build(graph)
        except BnnError as error:
            # Values that make no sense: the unbound network reports that with the values at hand.
            _LOG.debug("no network for these values: %s", error)
            return None
        steps = sum(layer.executor == "python" for layer in layers)
        if steps >= self._python_steps or any(v.const is not None for v in graph.outputs):
            _LOG.debug("binding %s saves no Python step", list(values))
            return None
        return network, layers


def _digest(values: Iterable[Array]) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for value in values:
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.digest()
