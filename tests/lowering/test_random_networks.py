"""Random feed-forward networks whose every number is exact, against ONNX Runtime, to the bit.

Weights and quantized activations are small integers or ±1, and magnitudes stay below 2^20, so sums
do not round whatever their order. BatchNorm rounds, but in one prescribed way; a comparison follows
it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.onnx_models import model_from_text, signs

Floats = NDArray[np.float32]
LARGEST = 2.0**20

# Weights of ±1 on real numbers are what these networks are to have.
pytestmark = pytest.mark.filterwarnings("ignore::bnn_engine.errors.BnnWarning")


@dataclass
class Network:
    """A network under construction.

    Attributes:
        value: name of the last tensor.
        shape: its shape, without the batch axis.
        magnitude: no element is larger.
    """

    random: np.random.Generator
    value: str
    shape: tuple[int, ...]
    magnitude: float
    nodes: list[str] = field(default_factory=list)
    constants: dict[str, NDArray[np.float32] | NDArray[np.int64]] = field(default_factory=dict)
    earlier: list[tuple[str, tuple[int, ...], float]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def pick(self, *choices: int) -> int:
        return int(self.random.choice(choices))

    def constant(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def floats(self, *values: float) -> str:
        """A constant per channel of an image, or of a row; or a scalar."""
        array = np.array(values, np.float32)
        if len(values) == 1:
            return self.constant(array.reshape(()))
        return self.constant(array.reshape(-1, *[1] * (len(self.shape) - 1)))

    def node(self, text: str, shape: tuple[int, ...], magnitude: float) -> None:
        self.earlier.append((self.value, self.shape, self.magnitude))
        self.value = f"v{len(self.nodes)}"
        self.nodes.append(f"{self.value} = {text}")
        self.shape, self.magnitude = shape, magnitude

    def weights(self, shape: tuple[int, ...]) -> Floats:
        if self.random.random() < 0.6:
            return signs(self.random, shape)
        low, high = self.random.choice([(0, 1), (-1, 1), (-2, 1), (-2, 2)])
        return self.random.integers(low, high + 1, shape).astype(np.float32)

    # -- layers ------------------------------------------------------------------------------------

    def sign(self) -> None:
        threshold = self.floats(float(self.random.integers(-2, 3)))
        one, minus = self.floats(1.0), self.floats(-1.0)
        self.nodes.append(f"b{len(self.nodes)} = Greater({self.value}, {threshold})")
        self.node(f"Where(b{len(self.nodes) - 1}, {one}, {minus})", self.shape, 1.0)

    def quantize(self) -> None:
        """To a few integers, ties of rounding included."""
        low, high = self.random.choice([(0, 1), (-1, 1), (0, 3), (-2, 1), (0, 7), (-8, 7)])
        step = self.floats(float(self.random.choice([0.25, 0.5, 1.0])))
        ends = self.floats(float(low)), self.floats(float(high))
        name = f"q{len(self.nodes)}"
        self.nodes.append(f"{name}a = Mul({self.value}, {step})")
        self.nodes.append(f"{name}b = Clip({name}a, {ends[0]}, {ends[1]})")
        self.node(f"Round({name}b)", self.shape, float(max(-low, high)))

    def batch_norm_and_levels(self) -> None:
        channels = self.shape[0]
        parameters = [
            self.random.choice([-1.5, 0.0, 0.3, 2.0], channels),
            self.random.choice([0.0, 0.25, -0.7], channels),
            np.round(self.random.normal(size=channels) * self.magnitude / 4),
            self.random.uniform(0.5, 9, channels),
        ]
        names = ", ".join(self.constant(p.astype(np.float32)) for p in parameters)
        self.node(f"BatchNormalization({self.value}, {names})", self.shape, self.magnitude)
        # Only its sign and its levels are exact in every later use.
        self.earlier.pop()
        (self.sign, self.quantize)[self.pick(0, 1)]()
        self.earlier.pop()

    def dense(self) -> None:
        features, outputs = self.shape[0], self.pick(1, 5, 17, 64, 65)
        weights = self.constant(self.weights((features, outputs)))
        text = f"MatMul({self.value}, {weights})"
        if self.random.random() < 0.5:
            bias = self.constant(self.random.integers(-3, 4, outputs).astype(np.float32))
            text = f"Gemm({self.value}, {weights}, {bias})"
        self.node(text, (outputs,), self.magnitude * 2 * features + 3)

    def conv(self) -> None:
        channels, height, width = self.shape
        kernel = [self.pick(1, 2, 3) for _ in range(2)]
        strides, dilations = ([self.pick(1, 1, 2) for _ in range(2)] for _ in range(2))
        pads = [self.pick(0, 1, 2) for _ in range(4)]
        extents = []
        for axis, extent in enumerate((height, width)):
            span = (kernel[axis] - 1) * dilations[axis] + 1
            extents.append((extent + pads[axis] + pads[axis + 2] - span) // strides[axis] + 1)
        if min(extents) < 1:
            return
        groups = self.pick(*(g for g in (1, 1, 1, 3, channels) if channels % g == 0))
        outputs = groups * self.pick(1, 3, 8, 11)
        weights = self.constant(self.weights((outputs, channels // groups, *kernel)))
        text = f"strides={strides}, dilations={dilations}, pads={pads}, group={groups}"
        growth = 2 * channels // groups * kernel[0] * kernel[1]
        text = f"Conv<{text}>({self.value}, {weights})"
        self.node(text, (outputs, *extents), self.magnitude * growth)

    def max_pool(self) -> None:
        channels, height, width = self.shape
        if min(height, width) < 2:
            return
        text = f"MaxPool<kernel_shape=[2, 2], strides=[2, 2]>({self.value})"
        self.node(text, (channels, height // 2, width // 2), self.magnitude)

    def monotone(self) -> None:
        low, high = self.floats(-5.0), self.floats(float(self.pick(3, 40)))
        if self.pick(0, 1):
            self.node(f"Clip({self.value}, {low}, {high})", self.shape, min(self.magnitude, 40.0))
        else:
            self.node(f"Relu({self.value})", self.shape, self.magnitude)

    def arithmetic(self) -> None:
        size = self.pick(1, self.shape[0])
        operand = self.floats(*(float(n) for n in self.random.choice([-2, -1, 1, 2], size)))
        op = ("Add", "Sub", "Mul")[self.pick(0, 1, 2)]
        order = f"{operand}, {self.value}" if self.pick(0, 1) else f"{self.value}, {operand}"
        self.node(f"{op}({order})", self.shape, 2 * self.magnitude + 2)

    def residual(self) -> None:
        fitting = [item for item in self.earlier if item[1] == self.shape]
        if not fitting:
            return
        other, _, magnitude = fitting[self.random.integers(len(fitting))]
        op = ("Add", "Sub")[self.pick(0, 1)]
        self.node(f"{op}({self.value}, {other})", self.shape, self.magnitude + magnitude)

    def move(self) -> None:
        order = [0, *(int(axis) + 1 for axis in self.random.permutation(len(self.shape)))]
        shape = tuple(self.shape[axis - 1] for axis in order[1:])
        self.node(f"Transpose<perm={order}>({self.value})", shape, self.magnitude)

    def flatten(self) -> None:
        total = int(np.prod(self.shape))
        target = self.constant(np.array([self.pick(0, -1), total]))
        text = f"Reshape({self.value}, {target})" if self.pick(0, 1) else f"Flatten({self.value})"
        self.node(text, (total,), self.magnitude)

    def unflatten(self) -> None:
        (total,) = self.shape
        channels = next(c for c in (5, 3, 2, 1) if total % c == 0)
        target = self.constant(np.array([-1, channels, total // channels, 1]))
        self.node(
            f"Reshape({self.value}, {target})", (channels, total // channels, 1), self.magnitude
        )

    def step(self) -> None:
        """Add one layer that fits."""
        if self.magnitude > LARGEST / 2**10:
            self.sign()
        anywhere = [self.sign, self.quantize, self.batch_norm_and_levels, self.monotone]
        anywhere += [self.arithmetic, self.residual]
        images = [self.conv, self.conv, self.conv, self.max_pool, self.move, self.flatten]
        rows = [self.dense, self.dense, self.dense, self.unflatten]
        layers = anywhere + (images if len(self.shape) == 3 else rows)
        layers[self.random.integers(len(layers))]()
        assert self.magnitude < LARGEST
        if self.random.random() < 0.1 and self.nodes:
            self.outputs.append(self.value)

    def model(self, inputs: tuple[int, ...]) -> onnx.ModelProto:
        outputs = dict.fromkeys([*self.outputs, self.value])
        extents = ", ".join(["N", *(str(extent) for extent in inputs)])
        declared = ", ".join(f"float[] {name}" for name in outputs)
        body = "\n".join(self.nodes)
        return model_from_text(
            f"g (float[{extents}] x) => ({declared}) {{ {body} }}", self.constants
        )


def random_network(seed: int) -> tuple[onnx.ModelProto, Floats]:
    random = np.random.default_rng(seed)
    image = (int(random.choice([1, 3, 33])), *(int(n) for n in random.integers(3, 10, 2)))
    inputs = image if random.random() < 0.7 else (int(random.choice([1, 40, 130])),)
    network = Network(random, "x", inputs, 9.0)
    while len(network.nodes) < 12:
        network.step()
    x = random.integers(-9, 10, (3, *inputs)).astype(np.float32)
    return network.model(inputs), x


def assert_equal(got: Mapping[str, Floats], wanted: Mapping[str, Floats]) -> None:
    assert list(got) == list(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize("seed", range(150))
def test_random_network(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = random_network(seed)
    isas = bnn_engine.cpu_info().supported_isas
    monkeypatch.setenv("BNN_ENGINE_ISA", isas[seed % len(isas)])
    engine = bnn_engine.load(model, fallback="error")
    wanted = ort.run(model, {"x": x})
    assert_equal(engine.run({"x": x}), wanted)
    for row in range(len(x)):
        alone = {name: array[row : row + 1] for name, array in wanted.items()}
        assert_equal(engine.run({"x": x[row : row + 1]}), alone)
    empty = {name: array[:0] for name, array in wanted.items()}
    assert_equal(engine.run({"x": x[:0]}), empty)

    engine.save(tmp_path / "packed.onnx")
    assert_equal(bnn_engine.load(tmp_path / "packed.onnx").run({"x": x}), wanted)
    assert_equal(ort.run(tmp_path / "packed.onnx", {"x": x}), wanted)


@pytest.mark.parametrize("seed", range(0, 150, 5))
def test_every_tensor_of_a_random_network(seed: int) -> None:
    """Asked for by name, a tensor is there although the engine fuses it away."""
    model, x = random_network(seed)
    names = [node.output[0] for node in model.graph.node if node.op_type != "Greater"]
    got = bnn_engine.load(model).run({"x": x}, outputs=names)
    assert_equal(got, ort.run(ort.with_outputs(model, names), {"x": x}))


def test_random_networks_are_binary_enough() -> None:
    """They would test little if the passes found nothing in them."""
    kinds: dict[str, int] = {}
    for seed in range(0, 150, 5):
        for layer in bnn_engine.load(random_network(seed)[0]).summary().layers:
            if layer.binary_macs or layer.float_macs:
                kinds[layer.kind] = kinds.get(layer.kind, 0) + 1
    assert min(kinds[kind] for kind in ("W1A1", "W1A32", "float")) >= 10
    low_bit = {kind for kind in kinds if kind[0] == "W"} - {"W1A1", "W1A8", "W1A32"}
    assert sum(kinds[kind] for kind in low_bit) >= 10
    assert len(low_bit) >= 4
