"""Turns values of the graph into values of a program, converting layouts where an op needs another.

Physical forms of a float or packed value:

* *plain*: row-major in the axis order of ONNX;
* *channels last*: an image [N, C, H, W] stored as [N, H, W, C], likewise with a depth; lines
  [N, C, L] as images [N, 1, L, C];
* *flattened channels last*: [N, C·H·W] whose memory is [N, H, W, C]: dense layers permute their
  weights instead of moving activations.

Bits are packed along the last stored axis, so a packed image is always channels last.

A float32 value whose elements are 8-bit integers may stay stored as these integers: a ``Cast``
costs nothing until a layer asks for floats. All other values are stored as their dtype says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.element_types import ElementType, as_stored, element_type
from bnn_engine.graph import Node, Value
from bnn_engine.lowering.plane_code import SIGNS, TERNARY, PlaneCode, code_for
from bnn_engine.lowering.summary import LayerSummary
from bnn_engine.passes.grids import InputGrid

__all__ = ["Emitter", "Form", "Located"]

Form = Literal["plain", "channels_last", "flattened"]


@dataclass(frozen=True)
class Located:
    """Where a graph value lives in the program.

    Attributes:
        id: value of the program builder.
        form: physical form.
        bits: packed bits instead of numbers.
        code: what bits stand for.
        element: type of the stored elements, where they are not bits.
        image: (C, H, W) of a flattened image, else None.
    """

    id: int
    form: Form
    bits: bool = False
    code: PlaneCode = SIGNS
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
        self._packings: dict[tuple[Located, InputGrid], Located] = {}
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
        unpacked = self._convert(located, "floats", lambda: self.unpacked(name, located).id)
        return replace(located, id=unpacked, bits=False, code=SIGNS)

    def unpacked(self, name: str, located: Located) -> Located:
        """Packed bits as the numbers that they stand for."""
        if located.code == SIGNS:
            step = self.builder.unpack(name, located.id)
        else:
            step = self.builder.unpack_planes(name, located.id, located.code.table())
        if located.image is not None:
            channels, height, width = located.image
            step = self.builder.reshape(name, step, [0, channels * height * width])
        return replace(located, id=step, bits=False, code=SIGNS)

    def with_nan(self, name: str, located: Located, value: Value) -> Located:
        """Packed bits as the numbers that they stand for, and NaN where ``value`` is NaN.

        Adding ``value`` clipped to 0 changes nothing else.
        """
        zero = np.zeros(1, np.float32)
        clip = _core.FloatEpilogue([("max", zero), ("min", zero)])
        numbers = self.unpacked(name, located)
        if located.form == "channels_last":
            source = self.channels_last(value)
        else:
            source = self.floats(value).id if located.image is not None else self.plain(value)
        nan = self.builder.channel_arithmetic(name, source, clip)
        return replace(numbers, id=self.builder.binary(name, "Add", numbers.id, nan))

    def plain(self, value: Value) -> int:
        """``value`` as plain elements of its dtype."""
        located = self.located(value)
        if located.bits and located.form == "channels_last" and located.code == SIGNS:
            name = f"{value.name} (channels first)"

            def unpack() -> int:
                unpacked = self.builder.unpack_planar(name, located.id)
                return self._without_height(name, value, unpacked)

            return self._convert(located, "plain", unpack)
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
        name = f"{value.name} (channels first)"

        def move() -> int:
            if located.image is None:
                axes = max(value.rank or 4, 4)
                order = [0, axes - 1, *range(1, axes - 1)]
                moved = self.builder.permute(name, located.id, order)
                return self._without_height(name, value, moved)
            channels, height, width = located.image
            pixels = self.builder.reshape(name, located.id, [0, height, width, channels])
            moved = self.builder.permute(name, pixels, [0, 3, 1, 2])
            return self.builder.reshape(name, moved, [0, channels * height * width])

        return self._convert(located, "plain", move)

    def _without_height(self, name: str, value: Value, step: int) -> int:
        """``step``, [N, C, 1, L] for a ``value`` of lines, in the shape of ``value``."""
        return self.builder.reshape(name, step, [0, 0, -1]) if value.rank == 3 else step

    def channels_last(self, value: Value) -> int:
        """The image ``value`` as channels-last elements of its dtype."""
        return self.as_channels_last(value, self.elements(value))

    def as_channels_last(self, value: Value, located: Located) -> int:
        """The image ``value``, which ``located`` holds as numbers, in channels-last form."""
        if located.form == "channels_last":
            return located.id
        assert value.shape is not None
        _, channels, *spatial = value.shape
        name = f"{value.name} (channels last)"

        def move() -> int:
            if channels == 1 and len(spatial) == 1:
                return self.builder.reshape(name, located.id, [0, 1, -1, 1])
            extents = [extent for extent in spatial if isinstance(extent, int)]
            if channels == 1 and len(extents) == len(spatial):
                return self.builder.reshape(name, located.id, [0, *extents, 1])
            return self.builder.permute(name, self._image(name, value, located.id), order)

        axes = max(len(spatial), 2)
        order = [0, *range(2, 2 + axes), 1]
        return self._convert(located, "channels last", move)

    def _image(self, name: str, value: Value, step: int) -> int:
        """``step``, a plain ``value``, with a height of 1 where it is lines."""
        return self.builder.reshape(name, step, [0, 0, 1, -1]) if value.rank == 3 else step

    def row_numbers(self, value: Value) -> Located:
        """``value`` with its channels last; 8-bit integers that it is stored as stay integers."""
        if value.rank is None or not 3 <= value.rank <= 5:
            return self.plain_numbers(value)
        located = self.numbers(value)
        step = self.as_channels_last(value, located)
        return Located(step, "channels_last", element=located.element)

    def packed(self, value: Value, grid: InputGrid) -> Located:
        """``value``, whose elements lie on ``grid``, as bits packed along its channels.

        Their code stands for the integers of the grid.
        """
        located = self.located(value)
        if located.bits and self.code_when_packed(value, grid) == located.code:
            return located
        made = self._packings.get((located, grid))
        if made is None:
            made = self._packings[located, grid] = self._pack(value, grid)
        return made

    def code_when_packed(self, value: Value, grid: InputGrid) -> PlaneCode:
        """What the bits of :meth:`packed` stand for."""
        located = self.located(value)
        if located.bits and located.code.stands_for(grid):
            return located.code
        return code_for(grid.levels, grid.numbers())

    def _pack(self, value: Value, grid: InputGrid) -> Located:
        name = f"{value.name} (packed)"
        numbers = grid.numbers()
        code = code_for(grid.levels, numbers)
        if grid.offset == 0 and code.ternary and not self.keep_nan:
            return self.signs(name, value)
        infinity = np.full(1, np.inf, np.float32)
        if grid.offset == 0 and code.planes == 1 and code.digits == 0:
            everywhere = np.zeros(1, np.float32), infinity
            return self.binarized(name, value, _core.Thresholds(*everywhere, False))
        levels = [
            _core.Thresholds(np.full(1, (below + above) / 2, np.float32), infinity, False)
            for below, above in pairwise(numbers)
        ]
        words = [code.word(level) for level in grid.levels]
        # An element that is NaN would get the lowest level.
        return self.quantized(name, value, levels, code, words, watch_nan=True)

    def quantized(
        self,
        name: str,
        value: Value,
        levels: Sequence[_core.Thresholds],
        code: PlaneCode,
        words: Sequence[int],
        *,
        watch_nan: bool,
    ) -> Located:
        """``value`` as planes of ``code``, the word of an element by its level.

        With ``watch_nan`` a NaN ends the call, which then runs in floats.
        """
        watch_nan = watch_nan and not self.keep_nan
        self.packs_signs = self.packs_signs or watch_nan
        planes = _core.BitPlanes(name, levels, words, code.planes)
        located = self._packed(
            value,
            lambda source: self.builder.bit_planes(name, source, planes, True, watch_nan),
            lambda source: self.builder.bit_planes(name, source, planes, False, watch_nan),
        )
        return replace(located, code=code)

    def binarized(self, name: str, value: Value, thresholds: _core.Thresholds) -> Located:
        """``value``, [N, C] or an image, as bits: +1 within the thresholds of its channel."""
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
        """The signs of ``value``, [N, C] or an image, as ternary bits."""
        self.packs_signs = True
        pack = self.builder.pack_signs
        located = self._packed(
            value,
            lambda source: pack(name, source, True),
            lambda source: pack(name, source, False),
        )
        return replace(located, code=TERNARY)

    def _packed(
        self, value: Value, planar: Callable[[int], int], last: Callable[[int], int]
    ) -> Located:
        """``value`` as bits by a step for channels-first or channels-last floats."""
        located = self.floats(value)
        if value.rank == 2:
            # Only whole pixels have tail bits, so a flattened image goes back to plain order first.
            return Located(last(self.plain(value)), "plain", bits=True)
        if located.form == "channels_last":
            return Located(last(located.id), "channels_last", bits=True)
        image = self._image(f"{value.name} (image)", value, located.id)
        return Located(planar(image), "channels_last", bits=True)
