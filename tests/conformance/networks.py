"""Committed networks of real exporters, with the places where they are binarized.

A deep binarized network is chaotic at the level of bits: one activation that lies within a rounding
of its threshold flips, and all that follows differs. Two ways around that are both exact:

*Forced.* The graph is cut at what enters each binarization. Every cut tensor becomes an input as
well as an output, so that each layer is given the very numbers that it had in ONNX Runtime, and a
wrong bit anywhere shows.

*Decided.* One row of the batch is compared from end to end. Where one of its numbers lies within
the error of a float32 evaluation of its threshold (moving all of them that far, up or down, changes
a bit), that tensor is given too; of the other layers nothing is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.conformance import recipes
from tests.support import ort

__all__ = ["NAMES", "Cut", "Exported", "read_by"]

FOLDER = Path(__file__).parent / "fixtures" / "networks"
NAMES = sorted(path.name.removesuffix(".onnx.xz") for path in FOLDER.glob("*.onnx.xz"))

DOT_LAYERS = ("Conv", "Gemm", "MatMul")
ROWS = 6
LEVELS = 16
"""A tensor with more different numbers than this is not quantized."""

ROUNDING = 1e-6
"""Of the largest number: what sums of float32 are uncertain by at least."""

MARGIN = 8
"""Times the difference that another order of summation made."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Cut:
    """A binarization, or one to few bits: ``quantized`` depends on the input through ``before``."""

    before: str
    quantized: str


@dataclass(frozen=True, eq=False)
class Exported:
    """A network as an exporter wrote it."""

    name: str

    @cached_property
    def model(self) -> onnx.ModelProto:
        return recipes.read(FOLDER / f"{self.name}.onnx.xz")

    @property
    def layers(self) -> dict[str, int]:
        """How many layers of each kind the architecture has."""
        stored = {entry.key: entry.value for entry in self.model.metadata_props}
        found: dict[str, int] = json.loads(stored["layers"])
        return found

    @property
    def input(self) -> onnx.ValueInfoProto:
        found: onnx.ValueInfoProto = self.model.graph.input[0]
        return found

    @property
    def output(self) -> str:
        return str(self.model.graph.output[0].name)

    @cached_property
    def feeds(self) -> dict[str, Array]:
        """Images of normal numbers."""
        extents = [dim.dim_value for dim in self.input.type.tensor_type.shape.dim[1:]]
        random = np.random.Generator(np.random.PCG64(zlib.crc32(self.name.encode())))
        images = random.standard_normal((ROWS, *extents)).astype(np.float32)
        return {self.input.name: images}

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """What ONNX Runtime gives for every tensor that depends on the images."""
        names = [name for node in self.nodes for name in node.output if name]
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        return {**ort.run(model, self.feeds), **self.feeds}

    @cached_property
    def nodes(self) -> list[onnx.NodeProto]:
        """Nodes that depend on the images by more than their shape."""
        known, found = {self.input.name}, list[onnx.NodeProto]()
        for node in self.model.graph.node:
            if known & set(node.input) and node.op_type not in ("Shape", "Size"):
                known |= set(node.output)
                found.append(node)
        return found

    @cached_property
    def cuts(self) -> list[Cut]:
        """In the order of the graph; several layers may share one."""
        found = dict[str, Cut]()
        dynamic = {name for node in self.nodes for name in node.output}
        for node in self.nodes:
            if node.op_type not in DOT_LAYERS:
                continue
            name = node.input[0]
            if set(node.input[1:]) & dynamic or not self._quantized(name) or name in found:
                continue
            found[name] = Cut(self._before(name), name)
        return list(found.values())

    def _quantized(self, name: str) -> bool:
        return len(np.unique(self.tensors[name])) <= LEVELS

    def _before(self, quantized: str) -> str:
        """The last tensor of many numbers through which every path to ``quantized`` leads."""
        order = {name: i for i, node in enumerate(self.nodes) for name in node.output}
        order[self.input.name] = -1
        frontier = {quantized}
        while len(frontier) > 1 or self._quantized(min(frontier)):
            last = max(frontier, key=order.__getitem__)
            frontier.remove(last)
            frontier |= set(self.nodes[order[last]].input) & set(order)
        return frontier.pop()

    # -- models made of it -------------------------------------------------------------------------

    @cached_property
    def forced(self) -> onnx.ModelProto:
        """Gives all that is cut and the output; reads what is cut as ``NAME.given``."""
        cut = sorted({cut.before for cut in self.cuts})
        return self._reading(cut, [*cut, self.output])

    @cached_property
    def quantizers(self) -> onnx.ModelProto:
        """Gives what is quantized; reads what is cut."""
        cut = sorted({cut.before for cut in self.cuts})
        return self._reading(cut, [cut.quantized for cut in self.cuts])

    @cached_property
    def decided(self) -> onnx.ModelProto:
        """Gives the output; of the cut tensors reads those that are undecided in :attr:`row`."""
        undecided = self._undecided[self.row]
        loose = {cut.before for cut, open_ in zip(self.cuts, undecided, strict=True) if open_}
        return self._reading(sorted(loose), [self.output])

    @cached_property
    def row(self) -> int:
        """The row with the fewest undecided tensors."""
        return int(self._undecided.sum(axis=1).argmin())

    @cached_property
    def given(self) -> dict[str, Array]:
        """Feeds for all of these: the images, and ONNX Runtime's numbers for what is cut."""
        cuts = {f"{cut.before}.given": self.tensors[cut.before] for cut in self.cuts}
        return {**self.feeds, **cuts}

    @cached_property
    def _undecided(self) -> NDArray[np.bool_]:
        """[rows, cuts]: whether moving the cut tensor by its error, up or down, changes a bit.

        The error is measured: by how much another order of summation, that of ONNX Runtime with
        its optimisations on, moves it, but at least :data:`ROUNDING`. Behind sums of integers,
        exact in any order, nothing moves. Nor does a zero: it comes from a ReLU or such a sum.
        """
        reordered = ort.run_optimised(self.forced, read_by(self.forced, self.given))
        changed = np.zeros((ROWS, len(self.cuts)), bool)
        for direction in (-1, 1):
            moved = dict(self.given)
            for cut in self.cuts:
                numbers = self.tensors[cut.before]
                error = np.abs(reordered[cut.before] - numbers).max()
                if self._exact(cut):
                    continue
                step = direction * max(MARGIN * error, ROUNDING * np.abs(numbers).max())
                moved[f"{cut.before}.given"] = np.where(
                    numbers == 0, numbers, numbers + np.float32(step)
                )
            got = ort.run(self.quantizers, read_by(self.quantizers, moved))
            for index, cut in enumerate(self.cuts):
                differs = got[cut.quantized] != self.tensors[cut.quantized]
                changed[:, index] |= differs.reshape(ROWS, -1).any(axis=1)
        return changed

    def _exact(self, cut: Cut) -> bool:
        """Whether all layers between the cut tensors before this one and it sum integers."""
        segment = self._reading({other.before for other in self.cuts}, [cut.before]).graph
        dots = [node for node in segment.node if node.op_type in DOT_LAYERS]
        constants = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in self.model.graph.initializer
            if any(tensor.name in node.input for node in dots)
        }
        numbers = {**constants, **self.tensors}
        return all(
            name in numbers and np.all(numbers[name] == np.round(numbers[name]))
            for node in dots
            for name in node.input
        )

    # -- cutting -----------------------------------------------------------------------------------

    def _reading(self, given: Iterable[str], outputs: list[str]) -> onnx.ModelProto:
        """A copy whose nodes read ``NAME.given``, an input, for each tensor of ``given``."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        graph = model.graph
        renamed = {name: f"{name}.given" for name in given}
        for node in graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        own = {value.name: value for value in graph.output}
        del graph.output[:]
        for name in outputs:
            graph.output.append(own.get(name, self._info(name, name)))
        needed, kept = set(outputs), list[onnx.NodeProto]()
        for node in reversed(graph.node):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.insert(0, node)
        for name, new in renamed.items():
            if new in needed:
                graph.input.append(self._info(new, name))
        del graph.node[:]
        graph.node.extend(kept)
        for values in (graph.initializer, graph.input):
            dead = [value for value in values if value.name not in needed]
            for value in dead:
                values.remove(value)
        del graph.value_info[:]
        return model

    def _info(self, name: str, like: str) -> onnx.ValueInfoProto:
        batch = self.input.type.tensor_type.shape.dim[0].dim_param
        extents = [batch, *self.tensors[like].shape[1:]]
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, extents)


def read_by(model: onnx.ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    """Those of ``feeds`` that are inputs of ``model``."""
    return {value.name: feeds[value.name] for value in model.graph.input}
