"""Stores an exporter's graph without its large weights, and makes them again.

A real network has tens of megabytes of weights that carry no information here: they were drawn at
random. What matters is what the exporter made of them (latent numbers left in the graph, folded
into ±1 or ±α, scaled by a BatchNorm, transposed), so every large initializer is replaced by a
*recipe*:

    tensor = permute(f(draw(seed, shape)), axes).reshape(dims) · factors along one axis

with f(d) = d·scale (latent weights) or sign(d). The recipe is kept in the initializer itself, as
its ``external_data``; the factors (one number a row: α, negative and 0 included) are its
``raw_data``. Everything else in the file is the exporter's.

Draws use the raw 64-bit output of PCG64, which NumPy guarantees to be the same in all versions; its
distributions carry no such promise. Latent weights are odd integers times one float32, so they are
never 0 and rounded once.
"""

from __future__ import annotations

import itertools
import lzma
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["Drawn", "draw", "factorise", "read", "restore", "write"]

Floats = NDArray[np.float32]

DEVIATION = 2 * math.sqrt(4 * (256**2 - 1) / 12)
"""Standard deviation of what :func:`draw` gives."""

SMALL = 256
"""Elements up to which an initializer is stored as it is."""

_LOCATION = "recipe"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lp": 2, "lc": 2}]


def draw(seed: int, shape: Sequence[int]) -> Floats:
    """Odd integers from -1019 to 1021, nearly normal: twice the sum of four bytes, centred."""
    count = math.prod(shape)
    raw = np.random.PCG64(seed).random_raw((count + 1) // 2).astype("<u8")
    sums = raw.view(np.uint8)[: 4 * count].reshape(-1, 4).sum(axis=1, dtype=np.int32)
    odd: Floats = (2 * (sums - 510) + 1).astype(np.float32)
    return odd.reshape(shape)


@dataclass(frozen=True)
class Drawn:
    """Weights that a generator gave to a layer.

    Attributes:
        seed: of :func:`draw`.
        shape: as the tool has it.
        scale: latent weights are this times the drawn integers.
    """

    seed: int
    shape: tuple[int, ...]
    scale: float

    @classmethod
    def normal(cls, seed: int, shape: Sequence[int], deviation: float) -> Drawn:
        """Nearly normal weights."""
        return cls(seed, tuple(shape), float(np.float32(deviation / DEVIATION)))

    def values(self) -> Floats:
        """The latent weights."""
        return draw(self.seed, self.shape) * np.float32(self.scale)


@dataclass(frozen=True)
class Recipe:
    """How one initializer is made again; see the module's formula."""

    kind: str  # "latent" or "signs"
    drawn: Drawn
    axes: tuple[int, ...]
    axis: int
    factors: Floats  # as many as the axis has rows, or one

    def make(self, dims: Sequence[int]) -> Floats:
        """The initializer."""
        latent = self.drawn.values()
        plain = np.sign(latent) if self.kind == "signs" else latent
        along = [1] * len(dims)
        along[self.axis] = -1
        return plain.transpose(self.axes).reshape(dims) * self.factors.reshape(along)


# -- storing ---------------------------------------------------------------------------------------


def factorise(tensor: Floats, drawn: Iterable[Drawn]) -> Recipe | None:
    """The recipe that makes ``tensor`` from one of ``drawn``: signs exactly, latent up to 1e-6."""
    for source in drawn:
        if math.prod(source.shape) != tensor.size:
            continue
        latent = source.values()
        for axes in itertools.permutations(range(latent.ndim)):
            plain = latent.transpose(axes).reshape(tensor.shape)
            for axis in range(min(tensor.ndim, 2)):
                if tensor.shape[axis] == tensor.size > 1:
                    continue  # one number a row: any factors would do
                found = _factors(np.moveaxis(tensor, axis, 0), np.moveaxis(plain, axis, 0))
                if found is None:
                    continue
                kind, factors = found
                if np.all(factors == factors[0]):
                    factors = factors[:1]
                return Recipe(kind, source, axes, axis, factors)
    return None


def _factors(tensor: Floats, latent: Floats) -> tuple[str, Floats] | None:
    """Kind and one factor a row, where ``tensor`` is that of ``latent``'s rows."""
    rows, plain = tensor.reshape(len(tensor), -1), latent.reshape(len(tensor), -1)
    few = slice(0, 24)
    if not _proportional(rows[:, few], np.sign(plain[:, few]), 0.0) and not _proportional(
        rows[:, few], plain[:, few], 1e-6
    ):
        return None
    if _proportional(rows, np.sign(plain), 0.0):
        return "signs", rows[:, 0] * np.sign(plain[:, 0])
    if _proportional(rows, plain, 1e-6):
        largest = np.abs(plain).argmax(axis=1)
        along = np.arange(len(rows))
        return "latent", rows[along, largest] / plain[along, largest]
    return None


def _proportional(rows: Floats, plain: Floats, tolerance: float) -> bool:
    largest = np.abs(plain).argmax(axis=1)
    along = np.arange(len(rows))
    factors = rows[along, largest] / plain[along, largest]
    return bool(np.all(np.abs(rows - plain * factors[:, None]) <= tolerance * np.abs(rows)))


def write(path: Path, model: onnx.ModelProto, drawn: Sequence[Drawn]) -> list[str]:
    """Store ``model``, compressed; returns the names of large tensors that have no recipe."""
    stored = onnx.ModelProto()
    stored.CopyFrom(model)
    left, without = list(drawn), list[str]()
    for tensor in stored.graph.initializer:
        if math.prod(tensor.dims) <= SMALL or tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        recipe = factorise(numpy_helper.to_array(tensor), left)
        if recipe is None:
            without.append(tensor.name)
        else:
            _describe(tensor, recipe)
    path.write_bytes(lzma.compress(stored.SerializeToString(), filters=_FILTERS))
    return without


def _describe(tensor: onnx.TensorProto, recipe: Recipe) -> None:
    entries = {
        "location": _LOCATION,
        "kind": recipe.kind,
        "seed": recipe.drawn.seed,
        "shape": ",".join(map(str, recipe.drawn.shape)),
        "scale": float(recipe.drawn.scale).hex(),
        "axes": ",".join(map(str, recipe.axes)),
        "axis": recipe.axis,
    }
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("float_data")
    tensor.raw_data = recipe.factors.astype("<f4").tobytes()
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))


# -- restoring -------------------------------------------------------------------------------------


def read(path: Path) -> onnx.ModelProto:
    """A stored model with all its weights."""
    model = onnx.load_model_from_string(lzma.decompress(path.read_bytes()))
    restore(model)
    return model


def restore(model: onnx.ModelProto) -> None:
    """Replace every recipe by the tensor that it describes."""
    for tensor in _with_recipes(model):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        scale = float.fromhex(entries["scale"])
        drawn = Drawn(int(entries["seed"]), _integers(entries["shape"]), scale)
        recipe = Recipe(
            entries["kind"],
            drawn,
            _integers(entries["axes"]),
            int(entries["axis"]),
            np.frombuffer(tensor.raw_data, "<f4").astype(np.float32),
        )
        made = recipe.make(tensor.dims)
        tensor.CopyFrom(numpy_helper.from_array(made, tensor.name))


def _with_recipes(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    for tensor in model.graph.initializer:
        if any(e.key == "location" and e.value == _LOCATION for e in tensor.external_data):
            yield tensor


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
