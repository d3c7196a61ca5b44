"""Turns values of the graph into values of a program, converting layouts where an op needs another.

Physical forms of a float or packed value:

* *plain*: row-major in the axis order of ONNX;
* *channels last*: an image [N, C, H, W] stored as [N, H, W, C];
* *flattened channels last*: [N, C·H·W] whose memory is [N, H, W, C]: dense layers permute their
  weights instead of moving activations.

Bits are packed along the last stored axis, so a packed image is always channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bnn_engine import _core
from bnn_engine.graph import Node, Value
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["Emitter", "Located"]

Form = Literal["plain", "channels_last", "flattened"]


@dataclass(frozen=True)
class Located:
    """Where a graph value lives in the program.

    Attributes:
        id: value of the program builder.
        form: physical form.
        bits: packed ±1 instead of float32.
        image: (C, H, W) of a flattened image, else None.
    """

    id: int
    form: Form
    bits: bool = False
    image: tuple[int, int, int] | None = None


class Emitter:
    """One program under construction.

    Attributes:
        builder: the core's builder.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Start a program that will compute ``nodes``."""
        self.builder = _core.ProgramBuilder()
        self._pending = {id(node) for node in nodes}
        self._located: dict[int, Located] = {}
        self._converted: dict[tuple[Located, str], int] = {}
        self._layers: list[tuple[int, LayerSummary]] = []

    def owns(self, node: Node) -> bool:
        """True when ``node`` belongs to this program and no step computes it yet."""
        return id(node) in self._pending

    def finish_layer(
        self, value: Value, located: Located, layer: LayerSummary, nodes: Iterable[Node]
    ) -> None:
        """Record that step ``located.id`` computes ``nodes``, the last of which gives ``value``."""
        self.place(value, located)
        self._layers.append((located.id, layer))
        self._pending.difference_update(id(node) for node in nodes)

    def finish(
        self, outputs: list[int], rows_independent: bool, num_threads: int
    ) -> tuple[_core.Program, list[LayerSummary]]:
        """The program, and its layers with kernel and size filled in."""
        program = self.builder.finish(outputs, rows_independent, num_threads)
        steps = {first: (kernel, size) for first, _, kernel, size in program.steps()}
        layers = []
        for value, layer in self._layers:
            # A layer that only renames what an input or an earlier step holds has no step.
            kernel, size = steps.pop(value, ("", 0))
            layers.append(replace(layer, kernel=kernel, bytes=size))
        return program, layers

    def place(self, value: Value, located: Located) -> None:
        """Record where ``value`` lives."""
        self._located[id(value)] = located

    def is_placed(self, value: Value) -> bool:
        """True when an input or an earlier step gives ``value``."""
        return id(value) in self._located

    def located(self, value: Value) -> Located:
        """Where ``value`` lives in its present form."""
        return self._located[id(value)]

    def add_input(self, value: Value) -> None:
        """Make ``value`` (float32, known rank) an input of the program, in plain form."""
        assert value.shape is not None
        declared = [dim if isinstance(dim, int) else -1 for dim in value.shape]
        self.place(value, Located(self.builder.input(value.name, declared), "plain"))

    def _convert(self, source: Located, to: str, emit: Callable[[], int]) -> int:
        """What ``emit`` makes of ``source``, computed once however many steps read it so."""
        if (source, to) not in self._converted:
            self._converted[source, to] = emit()
        return self._converted[source, to]

    def floats(self, value: Value) -> Located:
        """``value`` as floats, in whatever form it is stored."""
        located = self.located(value)
        if not located.bits:
            return located
        name = f"{value.name} (unpacked)"

        def unpack() -> int:
            unpacked = self.builder.unpack(name, located.id)
            if located.image is None:
                return unpacked
            channels, height, width = located.image
            return self.builder.reshape(name, unpacked, [0, channels * height * width])

        return replace(located, id=self._convert(located, "floats", unpack), bits=False)

    def plain(self, value: Value) -> int:
        """``value`` as plain floats."""
        located = self.floats(value)
        name = f"{value.name} (NCHW)"
        if located.form == "plain":
            return located.id

        def move() -> int:
            if located.image is None:
                return self.builder.permute(name, located.id, [0, 3, 1, 2])
            channels, height, width = located.image
            image = self.builder.reshape(name, located.id, [0, height, width, channels])
            moved = self.builder.permute(name, image, [0, 3, 1, 2])
            return self.builder.reshape(name, moved, [0, channels * height * width])

        return self._convert(located, "plain", move)

    def channels_last(self, value: Value) -> int:
        """The image ``value`` as channels-last floats."""
        located = self.floats(value)
        if located.form == "channels_last":
            return located.id
        assert value.shape is not None
        _, channels, height, width = value.shape
        name = f"{value.name} (NHWC)"

        def move() -> int:
            if channels == 1 and isinstance(height, int) and isinstance(width, int):
                return self.builder.reshape(name, located.id, [0, height, width, 1])
            return self.builder.permute(name, located.id, [0, 2, 3, 1])

        return self._convert(located, "channels last", move)

    def rows(self, value: Value) -> int:
        """``value`` with its channels (axis 1 of the graph) last: [N, C] or [N, H, W, C]."""
        return self.channels_last(value) if value.rank == 4 else self.plain(value)

    def packed(self, value: Value) -> Located:
        """``value``, all of whose elements are ±1, as bits packed along its channels."""
        located = self.located(value)
        if located.bits:
            return located
        # Only whole pixels have tail bits, so a flattened image goes back to plain order first.
        image = value.rank == 4
        source = self.channels_last(value) if image else self.plain(value)
        everywhere = np.zeros(1, np.float32), np.full(1, np.inf, np.float32)
        thresholds = _core.Thresholds(*everywhere, False)
        name = f"{value.name} (packed)"
        packed = self._convert(
            located, "bits", lambda: self.builder.binarize(name, source, thresholds)
        )
        return Located(packed, "channels_last" if image else "plain", bits=True)
