"""Random small binarized networks, put together from the pieces that exporters write.

What two right engines may differ in is known for every tensor, because the numbers are chosen so:

- a tensor is *on a grid* when its elements are multiples of a power of two, with magnitudes that
  leave room in a float32: sums of products of such tensors are exact in any order;
- elsewhere only arithmetic that acts element by element is exact: it must be done as ONNX Runtime
  does it, and then gives the same bits;
- sums of numbers that are on no grid round, and may differ by ``error``.

Activations put every tensor back on a grid. One that reads a tensor with an ``error`` is *fragile*:
its result is certain only where no breakpoint lies within the error (:meth:`Network.perturbed`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.support.bounds import SLACK, gamma

__all__ = ["Network", "Tensor", "networks"]

Floats = NDArray[np.float32]

BATCH = 2
ROOM = 2.0**22
"""Largest magnitude in units of the grid; sums stay exact as long as they keep below 2^24."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the network.

    Attributes:
        name: in the model.
        shape: extents behind the batch.
        magnitude: no element is larger.
        unit: power of two of which all elements are multiples; None if there is none.
        error: by how much two right evaluations may differ; 0 means not at all.
    """

    name: str
    shape: tuple[int, ...]
    magnitude: float
    unit: float | None = None
    error: float = 0.0

    @property
    def channels(self) -> int:
        return self.shape[0]

    def along_channels(self, count: int | None = None) -> tuple[int, ...]:
        """Shape of an operand with one number a channel."""
        return (count or self.channels, *[1] * (len(self.shape) - 1))


@dataclass(frozen=True)
class Network:
    """A model, inputs for it, and what is promised about its outputs.

    Attributes:
        model: the network.
        x: its input.
        outputs: what it gives.
        rounded: names and errors of tensors whose sums round before a fragile activation.
    """

    model: onnx.ModelProto
    x: Floats
    outputs: tuple[Tensor, ...]
    rounded: tuple[tuple[str, float], ...]

    def perturbed(self, sign: int) -> onnx.ModelProto:
        """The model with every rounded sum moved up or down by what it may be off."""
        made = onnx.ModelProto()
        made.CopyFrom(self.model)
        for name, error in self.rounded:
            for node in made.graph.node:
                for index, read in enumerate(node.input):
                    if read == name:
                        node.input[index] = f"{name}_moved"
            position = next(i for i, n in enumerate(made.graph.node) if name in n.output)
            offset = numpy_helper.from_array(np.array(sign * error, np.float32), f"{name}_offset")
            made.graph.initializer.append(offset)
            moved = helper.make_node("Add", [name, f"{name}_offset"], [f"{name}_moved"])
            made.graph.node.insert(position + 1, moved)
        return made

    def __repr__(self) -> str:
        return f"Network(x {self.x.shape})\n{onnx.printer.to_text(self.model)}"


class Builder:
    """Appends pieces; every choice is drawn, so that failures shrink to few and small pieces."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.opset: int = self.pick(17, 13, 21)
        self.batch: int | str = self.pick("N", 1)
        self.indirect = self.draw(st.integers(0, 9)) == 9  # Identity(initializer)
        self.random = np.random.default_rng(self.draw(st.integers(0, 999)))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.earlier: list[Tensor] = []
        self.rounded: list[tuple[str, float]] = []

    # -- drawing and naming ------------------------------------------------------------------------

    def pick(self, *options: Any) -> Any:
        """One of ``options``; failures shrink towards the first."""
        return self.draw(st.sampled_from(options))

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        if self.indirect:
            return self.node("Identity", name)
        return name

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], **attributes))
        return name

    def mean(self, x: str, axis: int) -> str:
        if self.opset < 18:
            return self.node("ReduceMean", x, axes=[axis], keepdims=1)
        return self.node("ReduceMean", x, self.constant([axis], np.int64), keepdims=1)

    # -- activations -------------------------------------------------------------------------------

    def quantized(self, x: Tensor, name: str, magnitude: float, unit: float) -> Tensor:
        """What an activation makes of ``x``: on a grid, whatever ``x`` was."""
        if x.error:
            self.rounded.append((x.name, x.error))
        return Tensor(name, x.shape, magnitude, unit)

    def threshold(self, x: Tensor) -> str:
        """0, a reachable number, or one number a channel."""
        unit = x.unit or 0.5
        if self.chance():
            return self.constant(0.0)
        if self.chance():
            return self.constant(unit * self.pick(1, -1, 2))
        return self.constant(unit * self.random.integers(-3, 4, x.along_channels()))

    def ones_like(self, x: Tensor, value: float) -> str:
        if self.chance():
            return self.constant(value)
        fill = numpy_helper.from_array(np.array([value], np.float32))
        return self.node("ConstantOfShape", self.node("Shape", x.name), value=fill)

    def activation(self, x: Tensor) -> Tensor:
        kinds = [
            *(self.sign, self.where, self.clamp_estimator, self.sum_estimator),
            *(self.polynomial, self.compare_and_cast, self.zero_or_one, self.heaviside),
            *(self.rounded_sign, self.bitorch, self.larq, self.sign_of_relu, self.ternary),
            *(self.dorefa, self.shifted_sign, self.tanh_estimator),
        ]
        made: Tensor = self.pick(*kinds)(x)
        return made

    def sign(self, x: Tensor) -> Tensor:
        return self.quantized(x, self.node("Sign", x.name), 1, 1)

    def clamp_estimator(self, x: Tensor) -> Tensor:
        low, high = self.constant(-1.0), self.constant(1.0)
        sign, clip = self.node("Sign", x.name), self.node("Clip", x.name, low, high)
        return self.quantized(x, self.node("Add", self.node("Sub", sign, clip), clip), 1, 1)

    def tanh_estimator(self, x: Tensor) -> Tensor:
        sign, tanh = self.node("Sign", x.name), self.node("Tanh", x.name)
        return self.quantized(x, self.node("Add", self.node("Sub", sign, tanh), tanh), 1, 1)

    def sum_estimator(self, x: Tensor) -> Tensor:
        difference = self.node("Sub", self.node("Sign", x.name), x.name)
        return self.quantized(x, self.node("Add", x.name, difference), 1, 1)

    def polynomial(self, x: Tensor) -> Tensor:
        """Bi-Real net's piecewise quadratic around the Sign."""
        one, two = self.constant(1.0), self.constant(2.0)

        def mask(limit: float) -> tuple[str, str]:
            less = self.node("Less", x.name, self.constant(limit))
            number = self.node("Cast", less, to=TensorProto.FLOAT)
            return number, self.node("Sub", one, number)

        square, double = self.node("Mul", x.name, x.name), self.node("Mul", x.name, two)
        below, above = mask(-1.0)
        left = self.node("Mul", self.node("Add", square, double), above)
        out = self.node("Add", self.node("Mul", below, self.constant(-1.0)), left)
        below, above = mask(0.0)
        right = self.node("Mul", self.node("Add", self.node("Neg", square), double), above)
        out = self.node("Add", self.node("Mul", out, below), right)
        below, above = mask(1.0)
        out = self.node("Add", self.node("Mul", out, below), above)
        sign = self.node("Sign", x.name)
        return self.quantized(x, self.node("Add", self.node("Sub", sign, out), out), 1, 1)

    def where(self, x: Tensor) -> Tensor:
        compare = self.pick("Greater", "Less", "GreaterOrEqual", "LessOrEqual")
        condition = self.node(compare, x.name, self.threshold(x))
        if self.chance():
            condition = self.node("Not", condition)
        plus, minus = self.ones_like(x, 1.0), self.ones_like(x, -1.0)
        return self.quantized(x, self.node("Where", condition, plus, minus), 1, 1)

    def compare_and_cast(self, x: Tensor) -> Tensor:
        condition = self.node("GreaterOrEqual", x.name, self.threshold(x))
        number = self.node("Cast", condition, to=TensorProto.FLOAT)
        double = self.node("Mul", number, self.constant(2.0))
        return self.quantized(x, self.node("Sub", double, self.constant(1.0)), 1, 1)

    def zero_or_one(self, x: Tensor) -> Tensor:
        condition = self.node("Greater", x.name, self.threshold(x))
        return self.quantized(x, self.node("Cast", condition, to=TensorProto.FLOAT), 1, 1)

    def heaviside(self, x: Tensor) -> Tensor:
        zero, one, half = (self.constant(v) for v in (0.0, 1.0, 0.5))
        step = self.node("Where", self.node("Less", x.name, zero), zero, one)
        equal = self.node("Equal", x.name, zero)
        return self.quantized(x, self.node("Where", equal, half, step), 1, 0.5)

    def rounded_sign(self, x: Tensor) -> Tensor:
        """2 · round(clip((x + 1) / 2, 0, 1)) - 1."""
        zero, one, two = (self.constant(v) for v in (0.0, 1.0, 2.0))
        half = self.node("Div", self.node("Add", x.name, one), two)
        step = self.node("Round", self.node("Clip", half, zero, one))
        return self.quantized(x, self.node("Sub", self.node("Mul", step, two), one), 1, 1)

    def bitorch(self, x: Tensor) -> Tensor:
        sign = self.node("Sign", x.name)
        zero = self.node("Equal", sign, self.constant(0.0))
        return self.quantized(x, self.node("Where", zero, self.constant(1.0), sign), 1, 1)

    def larq(self, x: Tensor) -> Tensor:
        shifted = self.node("Add", self.node("Sign", x.name), self.constant(0.1))
        return self.quantized(x, self.node("Sign", shifted), 1, 1)

    def sign_of_relu(self, x: Tensor) -> Tensor:
        return self.quantized(x, self.node("Sign", self.node("Relu", x.name)), 1, 1)

    def ternary(self, x: Tensor) -> Tensor:
        threshold = self.constant(0.7 * (x.unit or 1.0))
        low = self.node("Sign", self.node("Add", x.name, threshold))
        high = self.node("Sign", self.node("Sub", x.name, threshold))
        return self.quantized(x, self.node("Sign", self.node("Add", low, high)), 1, 1)

    def dorefa(self, x: Tensor) -> Tensor:
        """Levels 0 ... n in [0, 1]; n is a power of two where the result must be on a grid."""
        levels = self.pick(1, 2, 4, 8)
        clipped = self.node("Clip", x.name, self.constant(0.0), self.constant(1.0))
        level = self.node("Round", self.node("Mul", clipped, self.constant(float(levels))))
        name = self.node("Mul", level, self.constant(1 / levels))
        return self.quantized(x, name, 1, 1 / levels)

    def shifted_sign(self, x: Tensor) -> Tensor:
        """ReActNet's RSign."""
        shift = self.constant((x.unit or 0.25) * self.random.integers(-2, 3, x.along_channels()))
        return self.sign(replace(x, name=self.node("Add", x.name, shift)))

    # -- weights -----------------------------------------------------------------------------------

    def weights(self, shape: tuple[int, ...], rows: int) -> tuple[str, float, float | None]:
        """Weights of any form; rows lie along axis ``rows``.

        Returns:
            Name, largest magnitude, unit of their grid.
        """
        signs = self.random.choice([-1.0, 1.0], shape)
        along = [1] * len(shape)
        along[rows] = shape[rows]
        on_grids = ("signs", "scaled", "latent", "zero or one", "ternary", "levels", "offset")
        kind = self.pick(*on_grids, "scaled latent", "near", "folded", "float")
        if kind == "signs":
            return self.constant(signs), 1, 1
        if kind == "scaled":  # an all-zero row is what a zero gamma leaves
            alpha = self.random.choice([-2, -0.5, 0, 0.25, 1, 1.5], along)
            return self.constant(signs * alpha), 2, 0.25
        if kind == "latent":
            latent = self.random.integers(-9, 10, shape) * 0.125
            if self.chance():
                latent += 0.0625
            return self.node("Sign", self.constant(latent)), 1, 1
        if kind == "scaled latent":
            return self.scaled_latent(signs, rows)
        if kind == "zero or one":
            return self.constant(np.maximum(signs, 0)), 1, 1
        if kind == "ternary":
            return self.constant(signs * self.random.integers(0, 2, shape)), 1, 1
        if kind == "offset":
            alpha = self.random.choice([0.5, 1, 2], along)
            return (
                self.constant(self.random.choice([-0.5, 0.25, 1], along) + alpha * signs),
                3,
                0.25,
            )
        if kind == "levels":
            return self.constant(self.random.integers(-7, 8, shape) * 0.25), 2, 0.25
        if kind == "near":
            spread = 1 + 2.0**-23 * self.random.integers(0, 3, shape)
            return self.constant(signs * spread), 1.001, None
        if kind == "folded":
            return self.constant(signs * self.random.uniform(-2, 2, along)), 2, None
        return self.constant(self.random.normal(size=shape).clip(-3, 3)), 3, None

    def scaled_latent(self, signs: Any, rows: int) -> tuple[str, float, float | None]:
        """mean |w| · sign(w), with or without the straight-through estimator around it."""
        latent = self.constant(signs * self.random.uniform(0.05, 0.3, signs.shape))
        scale = self.node("Abs", latent)
        for axis in range(signs.ndim):
            if axis != rows:
                scale = self.mean(scale, axis)
        binary = self.node("Mul", scale, self.node("Sign", latent))
        if self.chance():
            clip = self.node("Clip", latent, self.constant(-1.0), self.constant(1.0))
            binary = self.node("Add", self.node("Sub", binary, clip), clip)
        return binary, 0.3, None

    # -- layers ------------------------------------------------------------------------------------

    def summed(self, x: Tensor, w: tuple[str, float, float | None], terms: int) -> Tensor:
        """Facts about sums of ``terms`` products; name and shape are those of ``x``."""
        _, largest, unit = w
        magnitude = terms * largest * x.magnitude
        if unit is not None and x.unit is not None and magnitude <= ROOM * unit * x.unit:
            return replace(
                x, magnitude=magnitude, unit=unit * x.unit, error=terms * largest * x.error
            )
        rounding = 2 * gamma(terms + SLACK) * magnitude
        return replace(
            x, magnitude=magnitude, unit=None, error=rounding + terms * largest * x.error
        )

    def bias(self, y: Tensor, count: int) -> tuple[str, Tensor]:
        """One number an output channel, on the sums' grid or on none."""
        if y.unit is not None and self.chance():
            values = y.unit * self.random.integers(-3, 4, count)
            return self.constant(values), replace(y, magnitude=y.magnitude + 3 * y.unit)
        values = self.random.uniform(-1, 1, count)
        error = y.error + 2 * gamma(SLACK) * (y.magnitude + 1)
        return self.constant(values), replace(y, magnitude=y.magnitude + 1, unit=None, error=error)

    def conv(self, x: Tensor) -> Tensor | None:
        spatial = x.shape[1:]
        axes = range(len(spatial))
        kernel = [self.pick(1, 3, 2) for _ in axes]
        strides = [self.pick(1, 2) for _ in axes]
        dilations = [self.pick(1, 2) for _ in axes]
        pads = [self.pick(0, 1, 2) for _ in (*axes, *axes)]
        group = self.pick(*(g for g in dict.fromkeys((1, 2, x.channels)) if x.channels % g == 0))
        outputs = group * self.pick(1, 3, 4)
        extents = []
        automatic = self.draw(st.integers(0, 5)) == 5 and max(dilations) == 1
        for axis, extent in enumerate(spatial):
            span = (kernel[axis] - 1) * dilations[axis] + 1
            room = extent + pads[axis] + pads[axis + len(spatial)] - span
            extents.append(-(-extent // strides[axis]) if automatic else room // strides[axis] + 1)
        if min(extents) < 1:
            return None
        padding: dict[str, Any] = {"pads": pads}
        if automatic:
            padding = {"auto_pad": self.pick("SAME_UPPER", "SAME_LOWER")}
        shape = (outputs, x.channels // group, *kernel)
        w = self.weights(shape, 0)
        y = self.summed(x, w, math.prod(shape[1:]))
        inputs = [x.name, w[0]]
        if self.chance():
            name, y = self.bias(y, outputs)
            inputs.append(name)
        name = self.node(
            "Conv",
            *inputs,
            kernel_shape=kernel,
            strides=strides,
            dilations=dilations,
            group=group,
            **padding,
        )
        return replace(y, name=name, shape=(outputs, *extents))

    def dense(self, x: Tensor) -> Tensor:
        (features,) = x.shape
        outputs = self.pick(3, 1, 9, 65)
        if self.chance():
            w = self.weights((features, outputs), 1)
            y = self.summed(x, w, features)
            return replace(y, name=self.node("MatMul", x.name, w[0]), shape=(outputs,))
        transposed = self.pick(1, 0)
        shape = (outputs, features) if transposed else (features, outputs)
        w = self.weights(shape, 1 - transposed)
        y = self.summed(x, w, features)
        attributes: dict[str, Any] = {"transB": transposed}
        if self.chance():
            factor = self.pick(-1.0, 0.5, -2.0)
            attributes["alpha"] = factor
            y = replace(
                y,
                magnitude=y.magnitude * abs(factor),
                error=y.error * abs(factor),
                unit=None if y.unit is None else y.unit * abs(factor),
            )
        inputs = [x.name, w[0]]
        if self.chance():
            name, y = self.bias(y, outputs)
            inputs.append(name)
        return replace(y, name=self.node("Gemm", *inputs, **attributes), shape=(outputs,))

    # -- between layer and activation --------------------------------------------------------------

    def batch_norm(self, x: Tensor) -> Tensor:
        """Scales of both signs and 0; means on the grid put many sums on the threshold."""
        count, unit = x.channels, x.unit or 0.25
        gamma_ = self.random.choice([1.0, -1.5, 0.0, 0.3], count)
        beta = self.random.choice([0.0, 0.25, -0.7], count)
        mean = unit * self.random.integers(-3, 4, count)
        variance = self.random.choice([1.0, 0.3, 9.1, 0.0], count) + 0.1
        names = [self.constant(array) for array in (gamma_, beta, mean, variance)]
        epsilon = self.pick(1e-5, 1e-3)
        name = self.node("BatchNormalization", x.name, *names, epsilon=epsilon)
        factor = 1.5 / math.sqrt(0.1)
        magnitude = factor * (x.magnitude + 3 * unit) + 1
        error = factor * x.error + (4 * gamma(SLACK) * magnitude if x.error else 0)
        return Tensor(name, x.shape, magnitude, None, error)

    def elementwise(self, x: Tensor) -> Tensor:
        kind = self.pick("Relu", "PRelu", "Clip", "Mul", "Add", "LeakyRelu")
        rounding = 4 * gamma(SLACK) * (x.magnitude + 2) if x.error else 0.0
        if kind == "Relu":
            return replace(x, name=self.node("Relu", x.name))
        if kind == "Clip":
            low, high = self.constant(-2.0), self.constant(3.0)
            fits = x.unit is not None and x.unit <= 1
            return replace(
                x,
                name=self.node("Clip", x.name, low, high),
                magnitude=max(min(x.magnitude, 3.0), 2.0),
                unit=x.unit if fits else None,
            )
        if kind == "LeakyRelu":
            name = self.node("LeakyRelu", x.name, alpha=self.pick(0.25, -0.5))
            return replace(
                x, name=name, unit=None if x.unit is None else x.unit / 4, error=x.error + rounding
            )
        operand = self.random.choice([-2, -0.5, 0.25, 1], x.along_channels())
        name = self.node(kind, x.name, self.constant(operand))
        if kind == "Add":
            magnitude, unit = x.magnitude + 2, None if x.unit is None else min(x.unit, 0.25)
        else:
            magnitude, unit = 2 * x.magnitude, None if x.unit is None else x.unit / 4
        return Tensor(name, x.shape, magnitude, unit, 2 * x.error + rounding)

    def max_pool(self, x: Tensor) -> Tensor | None:
        axes = range(len(x.shape) - 1)
        kernel, strides = [2 for _ in axes], [self.pick(2, 1) for _ in axes]
        pads = [self.pick(0, 1) for _ in (*axes, *axes)]
        extents = [
            (extent + pads[axis] + pads[axis + len(axes)] - 2) // strides[axis] + 1
            for axis, extent in enumerate(x.shape[1:])
        ]
        if min(extents) < 1:
            return None
        name = self.node("MaxPool", x.name, kernel_shape=kernel, strides=strides, pads=pads)
        return replace(x, name=name, shape=(x.channels, *extents))

    def average(self, x: Tensor) -> Tensor:
        """Of the whole image: a sum, and a division that rounds."""
        count = math.prod(x.shape[1:])
        name = self.node("GlobalAveragePool", x.name)
        rounding = 2 * gamma(count + SLACK) * x.magnitude
        return Tensor(
            name, (x.channels, *[1] * (len(x.shape) - 1)), x.magnitude, None, x.error + rounding
        )

    def pad(self, x: Tensor) -> Tensor:
        """An explicit frame, of 0 or of what a binarized tensor can hold."""
        rank = len(x.shape) + 1
        value = self.pick(0.0, 1.0, -1.0)
        pads = [0, 0, *[1] * (rank - 2), 0, 0, *(self.pick(1, 0) for _ in range(rank - 2))]
        name = self.node("Pad", x.name, self.constant(pads, np.int64), self.constant(value))
        shape = tuple(
            e + a + b for e, a, b in zip(x.shape, pads[1:rank], pads[rank + 1 :], strict=True)
        )
        unit = x.unit if x.unit is not None and 1 % x.unit == 0 else None
        return replace(x, name=name, shape=shape, magnitude=max(x.magnitude, 1), unit=unit)

    def transposes(self, x: Tensor) -> Tensor:
        """To channels last and back, as tf2onnx leaves them."""
        rank = len(x.shape) + 1
        last = self.node("Transpose", x.name, perm=[0, *range(2, rank), 1])
        if self.chance():
            last = self.node("Identity", last)
        return replace(
            x, name=self.node("Transpose", last, perm=[0, rank - 1, *range(1, rank - 1)])
        )

    def flatten(self, x: Tensor) -> Tensor:
        total = math.prod(x.shape)
        name = (
            self.node("Flatten", x.name)
            if self.chance()
            else self.node("Reshape", x.name, self.constant([self.pick(-1, 0), total], np.int64))
        )
        return replace(x, name=name, shape=(total,))

    def residual(self, x: Tensor) -> Tensor:
        fitting = [other for other in self.earlier if other.shape == x.shape]
        if not fitting:
            return x
        other: Tensor = self.pick(*fitting)
        magnitude, units = x.magnitude + other.magnitude, (x.unit, other.unit)
        on_grid = None not in units and magnitude <= ROOM * min(u for u in units if u is not None)
        unit = min(u for u in units if u is not None) if on_grid else None
        error = x.error + other.error
        error += 2 * gamma(SLACK) * magnitude if error else 0
        return Tensor(self.node("Add", x.name, other.name), x.shape, magnitude, unit, error)

    def concat(self, x: Tensor) -> Tensor:
        fitting = [other for other in self.earlier if other.shape[1:] == x.shape[1:]]
        if not fitting or x.error:
            return x
        other: Tensor = self.pick(*fitting)
        if other.error or None in (x.unit, other.unit):
            return x
        assert x.unit is not None
        assert other.unit is not None
        return Tensor(
            self.node("Concat", x.name, other.name, axis=1),
            (x.channels + other.channels, *x.shape[1:]),
            max(x.magnitude, other.magnitude),
            min(x.unit, other.unit),
        )

    # -- networks ----------------------------------------------------------------------------------

    def stage(self, x: Tensor) -> Tensor:
        """Activation, layer, and what stands around them."""
        if self.chance():
            x = self.activation(x)
        image = len(x.shape) > 1
        for piece in (self.transposes, self.pad, self.max_pool) if image else ():
            if self.draw(st.integers(0, 4)) == 4:
                x = piece(x) or x
        if self.draw(st.integers(0, 5)) == 5:
            x = self.concat(x)
        if image and self.draw(st.integers(0, 5)) == 5:
            x, image = self.flatten(x), False
        if x.unit is None and not x.error:
            x = self.activation(x)  # sums of numbers on no grid would round from here on
        y = (self.conv(x) if image else self.dense(x)) or x
        for piece in (self.elementwise, self.residual, self.batch_norm, self.elementwise):
            if self.chance():
                y = piece(y)
        if image and self.draw(st.integers(0, 4)) == 4:
            y = self.max_pool(y) or y
        if image and self.draw(st.integers(0, 9)) == 9:
            y = self.average(y)
        self.earlier.append(y)
        return y

    def network(self) -> Network:
        dimensions = self.pick(2, 0, 1, 3)
        shape = (self.pick(3, 1, 2, 33), *(self.pick(4, 1, 2, 5) for _ in range(dimensions)))
        if not dimensions:
            shape = (self.pick(5, 1, 40, 300),)
        x = Tensor("x", shape, 9, 1)
        rows = BATCH if self.batch == "N" else 1
        values = self.random.integers(-9, 10, (rows, *shape)).astype(np.float32)
        values[self.random.random(values.shape) < 0.1] = -0.0
        y = x
        for _ in range(self.pick(1, 2, 3)):
            y = self.stage(y)
            if y.magnitude > 2.0**30 or math.prod(y.shape) > 4000:
                y = self.activation(y)
                break
        if self.chance():
            y = self.activation(y)
        y = replace(y, name=self.node("Identity", y.name))
        outputs = [y]
        if self.chance():
            outputs.append(self.pick(*self.earlier))
        outputs = list({tensor.name: tensor for tensor in outputs}.values())
        return Network(self.model(x, outputs), values, tuple(outputs), tuple(self.rounded))

    def model(self, x: Tensor, outputs: Sequence[Tensor]) -> onnx.ModelProto:
        def info(tensor: Tensor) -> onnx.ValueInfoProto:
            shape: list[str | int | None] = [self.batch, *tensor.shape]
            return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, shape)

        inputs = [info(x)]
        if self.draw(st.integers(0, 9)) == 9:  # as old exporters list them
            inputs += [
                helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
                for tensor in self.constants
            ]
        graph = helper.make_graph(
            self.nodes, "random", inputs, [info(t) for t in outputs], self.constants
        )
        imports = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Random binarized networks."""
    return Builder(draw).network()
