"""Turns values of the graph into values of a program, converting layouts where an op needs another.

Physical forms of a float or packed value:

* *plain*: row-major in the axis order of ONNX;
* *channels last*: an image [N, C, H, W] stored as [N, H, W, C];
* *flattened channels last*: [N, C·H·W] whose memory is [N, H, W, C]: dense layers permute their
  weights instead of moving activations.

Bits are packed along the last stored axis, so a packed image is always channels last.

A float32 value whose elements are 8-bit integers may stay stored as these integers: a ``Cast``
costs nothing until a layer asks for floats. All other values are stored as their dtype says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.element_types import ElementType, as_stored, element_type
from bnn_engine.graph import Node, Value
from bnn_engine.lowering.summary import LayerSummary
from bnn_engine.passes.facts import is_bipolar

__all__ = ["Emitter", "Located"]

Form = Literal["plain", "channels_last", "flattened"]


@dataclass(frozen=True)
class Located:
    """Where a graph value lives in the program.

    Attributes:
        id: value of the program builder.
        form: physical form.
        bits: packed ±1 instead of float32.
        ternary: packed signs with a mask of what is not 0.
        element: type of the stored elements, where they are not bits.
        image: (C, H, W) of a flattened image, else None.
    """

    id: int
    form: Form
    bits: bool = False
    ternary: bool = False
    element: ElementType = "f32"
    image: tuple[int, int, int] | None = None

    @property
    def integers(self) -> bool:
        """Whether the elements are 8-bit integers."""
        return not self.bits and self.element in ("u8", "i8")


class Emitter:
    """One program under construction.

    Attributes:
        builder: the core's builder.
        keep_nan: what NaN can reach stays in floats.
        packs_signs: the program packs signs, for which NaN has no bit.
    """

    def __init__(self, nodes: Iterable[Node], *, keep_nan: bool) -> None:
        """Start a program that will compute ``nodes``."""
        self.builder = _core.ProgramBuilder()
        self.keep_nan = keep_nan
        self.packs_signs = False
        self._pending = {id(node) for node in nodes}
        self._located: dict[int, Located] = {}
        self._converted: dict[tuple[Located, str], int] = {}
        self._packings: dict[Located, Located] = {}
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
        """Make ``value`` (of a known rank and element type) a plain input of the program."""
        element = element_type(value.dtype)
        assert value.shape is not None
        assert element is not None
        declared = [dim if isinstance(dim, int) else -1 for dim in value.shape]
        step = self.builder.input(value.name, declared, element)
        self.place(value, Located(step, "plain", element=element))

    def constant(self, array: NDArray[Any]) -> int:
        """``array``, of an element type of the core, as a tensor of the program."""
        element = element_type(array.dtype)
        assert element is not None
        return self.builder.constant(as_stored(array, array.dtype), element)

    def _convert(self, source: Located, to: str, emit: Callable[[], int]) -> int:
        """What ``emit`` makes of ``source``, computed once however many steps read it so."""
        if (source, to) not in self._converted:
            self._converted[source, to] = emit()
        return self._converted[source, to]

    def floats(self, value: Value) -> Located:
        """The float32 ``value`` as floats, in whatever form it is stored."""
        return self.elements(value)

    def elements(self, value: Value) -> Located:
        """``value`` as elements of its dtype, in whatever form it is stored."""
        located = self.numbers(value)
        element = element_type(value.dtype)
        assert element is not None
        if located.element == element:
            return located
        name = f"{value.name} ({element})"
        cast = self._convert(located, element, lambda: self.builder.cast(name, located.id, element))
        return replace(located, id=cast, element=element)

    def numbers(self, value: Value) -> Located:
        """As :meth:`elements`, but the 8-bit integers that ``value`` may be stored as stay."""
        located = self.located(value)
        if not located.bits:
            return located
        name = f"{value.name} (unpacked)"

        def unpack() -> int:
            if located.ternary:
                values = np.array([0, 0, 1, -1], np.float32)
                unpacked = self.builder.unpack_planes(name, located.id, values)
            else:
                unpacked = self.builder.unpack(name, located.id)
            if located.image is None:
                return unpacked
            channels, height, width = located.image
            return self.builder.reshape(name, unpacked, [0, channels * height * width])

        converted = self._convert(located, "floats", unpack)
        return replace(located, id=converted, bits=False, ternary=False)

    def plain(self, value: Value) -> int:
        """``value`` as plain elements of its dtype."""
        located = self.located(value)
        if located.bits and located.form == "channels_last" and not located.ternary:
            name = f"{value.name} (NCHW)"
            return self._convert(
                located, "plain", lambda: self.builder.unpack_planar(name, located.id)
            )
        return self._plain(value, self.elements(value))

    def plain_numbers(self, value: Value) -> Located:
        """As :meth:`plain`, but the 8-bit integers that ``value`` may be stored as stay."""
        located = self.located(value)
        step = self._plain(value, located) if located.integers else self.plain(value)
        return Located(step, "plain", element=located.element)

    def _plain(self, value: Value, located: Located) -> int:
        """``value``, which ``located`` holds as numbers, in plain form."""
        if located.form == "plain":
            return located.id
        name = f"{value.name} (NCHW)"

        def move() -> int:
            if located.image is None:
                return self.builder.permute(name, located.id, [0, 3, 1, 2])
            channels, height, width = located.image
            pixels = self.builder.reshape(name, located.id, [0, height, width, channels])
            moved = self.builder.permute(name, pixels, [0, 3, 1, 2])
            return self.builder.reshape(name, moved, [0, channels * height * width])

        return self._convert(located, "plain", move)

    def channels_last(self, value: Value) -> int:
        """The image ``value`` as channels-last elements of its dtype."""
        return self._channels_last(value, self.elements(value))

    def _channels_last(self, value: Value, located: Located) -> int:
        """The image ``value``, which ``located`` holds as numbers, in channels-last form."""
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

    def row_numbers(self, value: Value) -> Located:
        """As :meth:`rows`, but the 8-bit integers that ``value`` may be stored as stay integers."""
        if value.rank != 4:
            return self.plain_numbers(value)
        located = self.numbers(value)
        step = self._channels_last(value, located)
        return Located(step, "channels_last", element=located.element)

    def packed(self, value: Value) -> Located:
        """``value``, all of whose elements are -1, 0 or +1, as bits packed along its channels."""
        located = self.located(value)
        if located.bits:
            return located
        made = self._packings.get(located)
        if made is None:
            made = self._packings[located] = self._pack(value)
        return made

    def _pack(self, value: Value) -> Located:
        if not is_bipolar(value):
            return self.signs(f"{value.name} (packed)", value)
        everywhere = np.zeros(1, np.float32), np.full(1, np.inf, np.float32)
        name, thresholds = f"{value.name} (packed)", _core.Thresholds(*everywhere, False)
        return self.binarized(name, value, thresholds)

    def binarized(self, name: str, value: Value, thresholds: _core.Thresholds) -> Located:
        """``value``, [N, C] or [N, C, H, W], as bits: +1 within the thresholds of its channel."""
        planar, last = self.builder.binarize_planar, self.builder.binarize
        if self.located(value).integers:
            rows = self.row_numbers(value)
            return Located(last(name, rows.id, thresholds), rows.form, bits=True)
        return self._packed(
            value,
            lambda source: planar(name, source, thresholds),
            lambda source: last(name, source, thresholds),
        )

    def signs(self, name: str, value: Value) -> Located:
        """The signs of ``value``, [N, C] or [N, C, H, W], as ternary bits."""
        self.packs_signs = True
        pack = self.builder.pack_signs
        located = self._packed(
            value,
            lambda source: pack(name, source, True),
            lambda source: pack(name, source, False),
        )
        return replace(located, ternary=True)

    def _packed(
        self, value: Value, planar: Callable[[int], int], last: Callable[[int], int]
    ) -> Located:
        """``value`` as bits by a step for channels-first or channels-last floats."""
        located = self.floats(value)
        if value.rank != 4:
            # Only whole pixels have tail bits, so a flattened image goes back to plain order first.
            return Located(last(self.plain(value)), "plain", bits=True)
        pack = last if located.form == "channels_last" else planar
        return Located(pack(located.id), "channels_last", bits=True)
