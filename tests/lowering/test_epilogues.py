"""What follows a layer inside its own step, against ONNX Runtime, to the bit.

Blocks as in Bi-Real-Net and ReActNet: shifted signs, a binary layer, BatchNorm, a shortcut, PRelu.
A binary layer's sums are integers and everything behind them is one float32 operation after the
other, so both must agree whatever the depth, NaN and infinities included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.onnx_models import model_from_text, signs

Floats = NDArray[np.float32]


@dataclass
class Blocks:
    """A residual network under construction.

    Attributes:
        value: name of the last tensor.
        shape: its shape without the batch axis: [C, H, W] or [K].
    """

    random: np.random.Generator
    shape: tuple[int, ...]
    value: str = "x"
    nodes: list[str] = field(default_factory=list)
    constants: dict[str, Floats] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)

    def one_in(self, n: int) -> bool:
        return int(self.random.integers(n)) == 0

    def node(self, text: str) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(f"{name} = {text}")
        return name

    def constant(self, array: NDArray[np.float64] | Floats) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array, np.float32)
        return name

    def per_channel(self, array: NDArray[np.float64]) -> str:
        return self.constant(array.reshape(-1, *[1] * (len(self.shape) - 1)))

    def normal(self, size: int) -> NDArray[np.float64]:
        return self.random.normal(size=size)

    def sign(self, value: str) -> str:
        """RSign, or a comparison with a threshold."""
        if not self.one_in(3):
            value = self.node(f"Add({value}, {self.per_channel(self.normal(self.shape[0]))})")
        zero, one, minus = (self.constant(np.asarray(v)) for v in (0.0, 1.0, -1.0))
        compare = self.random.choice(["Greater", "GreaterOrEqual", "Less"])
        return self.node(f"Where({self.node(f'{compare}({value}, {zero})')}, {one}, {minus})")

    def layer(self, value: str, outputs: int, kernel: int = 3, stride: int = 1) -> str:
        """A binary layer and its BatchNorm."""
        features, images = self.shape[0], len(self.shape) == 3
        if images:
            weights = self.constant(signs(self.random, (outputs, features, kernel, kernel)))
            pads = [kernel // 2] * 4
            value = self.node(f"Conv<pads={pads}, strides={[stride] * 2}>({value}, {weights})")
        else:
            value = self.node(
                f"MatMul({value}, {self.constant(signs(self.random, (features, outputs)))})"
            )
        spread = float(features * kernel**2) ** 0.5
        parameters = [
            self.random.choice([-1.5, 0.0, 0.3, 1.0], outputs),
            self.normal(outputs),
            self.normal(outputs) * spread / 4,
            self.random.uniform(0.5, 2, outputs) * spread**2,
        ]
        names = ", ".join(self.constant(p) for p in parameters)
        return self.node(f"BatchNormalization({value}, {names})")

    def activation(self, value: str) -> str:
        """RPReLU, or something else that follows a shortcut."""
        channels = self.shape[0]
        kind = self.random.choice(["rprelu", "prelu", "leaky", "relu", "clip", "div", "none"])
        if kind == "rprelu":
            value = self.node(f"Add({value}, {self.per_channel(self.normal(channels))})")
            value = self.node(f"PRelu({value}, {self.per_channel(self.normal(channels) / 2)})")
            return self.node(f"Sub({value}, {self.per_channel(self.normal(channels))})")
        if kind == "div":
            divisor = self.random.choice([0.3, -7.0, 3.0], channels)
            return self.node(f"Div({value}, {self.per_channel(divisor)})")
        texts = {
            "prelu": f"PRelu({value}, {self.constant(np.full(1, 0.2))})",
            "leaky": f"LeakyRelu<alpha=-0.3>({value})",
            "relu": f"Relu({value})",
            "clip": f"Clip({value}, {self.constant(np.asarray(-1.5))}, )",
        }
        return self.node(texts[kind]) if kind in texts else value

    def block(self) -> None:
        """One residual block; with two shortcuts now and then, or one that is a layer, too."""
        start, channels = self.value, self.shape[0]
        value = self.layer(self.sign(start), channels)
        shortcut = start
        if self.one_in(4):  # the main path ends first, or the shortcut does
            shortcut = self.layer(self.sign(start), channels, kernel=1)
        for other in (shortcut, start)[: 1 + self.one_in(4)]:
            operands = [value, other]
            self.random.shuffle(operands)
            value = self.node(f"Add({', '.join(operands)})")
        self.value = self.activation(value)
        if self.one_in(4):
            self.outputs.append(self.value)

    def down(self) -> None:
        """A block of half the size and other channels, whose shortcut is a pointwise layer."""
        outputs = int(self.random.choice([8, 33, 64, 70]))
        bits = self.sign(self.value)
        images = len(self.shape) == 3
        value = self.layer(bits, outputs, stride=2)
        shortcut = self.layer(bits, outputs, kernel=1, stride=2)
        if images:
            self.shape = (outputs, *((extent + 1) // 2 for extent in self.shape[1:]))
        else:
            self.shape = (outputs,)
        self.value = self.activation(self.node(f"Add({value}, {shortcut})"))

    def model(self, inputs: tuple[int, ...]) -> onnx.ModelProto:
        extents = ", ".join(["N", *(str(extent) for extent in inputs)])
        names = dict.fromkeys([*self.outputs, self.value])
        declared = ", ".join(f"float[] {name}" for name in names)
        body = "\n".join(self.nodes)
        return model_from_text(
            f"g (float[{extents}] x) => ({declared}) {{ {body} }}", self.constants
        )


def random_network(seed: int) -> tuple[onnx.ModelProto, tuple[int, ...]]:
    random = np.random.default_rng(seed)
    inputs: tuple[int, ...] = (int(random.choice([1, 20, 64, 70])),)
    if seed % 4:
        inputs = (*inputs, *(int(extent) for extent in random.integers(3, 8, 2)))
    blocks = Blocks(random, inputs)
    for _ in range(4):
        (blocks.down if blocks.one_in(4) else blocks.block)()
    return blocks.model(inputs), inputs


def rows(seed: int, count: int, shape: tuple[int, ...]) -> Floats:
    """Random numbers, some of them not finite."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, *shape)).astype(np.float32)
    odd = random.choice([np.nan, np.inf, -np.inf, -0.0, 0.0], x.shape).astype(np.float32)
    return np.where(random.random(x.shape) < 0.05, odd, x)


@pytest.mark.parametrize("seed", range(40))
def test_random_residual_network(seed: int, isa: str) -> None:
    del isa
    model, shape = random_network(seed)
    engines = [bnn_engine.load(model, threads, fallback="error") for threads in (1, 2)]
    for count in (0, 1, 3, 70):
        x = rows(seed + count, count, shape)
        wanted = ort.run(model, {"x": x})
        for engine in engines:
            got = engine.run({"x": x})
            for name, array in wanted.items():
                np.testing.assert_array_equal(got[name], array, err_msg=f"{name}, {count} rows")


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_every_tensor_of_a_residual_network(seed: int) -> None:
    model, shape = random_network(seed)
    types = {output: node.op_type for node in model.graph.node for output in node.output}
    names = [n for n, t in types.items() if t not in ("Greater", "GreaterOrEqual", "Less")]
    x = rows(seed, 3, shape)
    got = bnn_engine.load(model).run({"x": x}, outputs=names)
    for name, array in ort.run(ort.with_outputs(model, names), {"x": x}).items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


SIGN = "{y}_c = Greater({x}, zero) {y} = Where({y}_c, one, minus)"


def conv_network(tail: str, outputs: str, **constants: Floats) -> onnx.ModelProto:
    """A sign, a binary convolution giving ``z``, and ``tail``, which may use SIGN."""
    random = np.random.default_rng(3)
    channel = (24, 1, 1)
    made: dict[str, Floats] = {
        "w": signs(random, (24, 24, 3, 3)),
        "v": signs(random, (24, 24, 3, 3)),
        "bias": random.normal(size=channel).astype(np.float32),
        "slope": random.normal(size=channel).astype(np.float32),
        **{name: random.uniform(0.5, 2, 24).astype(np.float32) for name in ("g", "b", "m", "s")},
        "zero": np.asarray(np.float32(0)),
        "one": np.asarray(np.float32(1)),
        "minus": np.asarray(np.float32(-1)),
        **constants,
    }
    declared = ", ".join(f"float[] {name}" for name in outputs.split())
    return model_from_text(
        f"""g (float[N, 24, 5, 6] x) => ({declared}) {{
            {SIGN.format(x="x", y="first")}
            z = Conv<pads=[1, 1, 1, 1]>(first, w)
            {tail}
        }}""",
        made,
    )


def fused_steps(model: onnx.ModelProto) -> list[tuple[str, list[str]]]:
    """Op type of every step, with those of the nodes fused into it; answers are compared."""
    x = rows(0, 3, (24, 5, 6))
    engine = bnn_engine.load(model)
    for name, array in ort.run(model, {"x": x}).items():
        np.testing.assert_array_equal(engine.run({"x": x})[name], array, err_msg=name)
    return [
        (layer.op, [origin.split(" ", 1)[0] for origin in layer.fused])
        for layer in engine.summary().layers
    ]


RPRELU = "a = Add(t, bias) p = PRelu(a, slope) y = Add(p, bias)"
NEXT = SIGN.format(x="y", y="second") + " q = Conv<pads=[1, 1, 1, 1]>(second, v)"


def test_a_residual_block_is_one_step() -> None:
    """BatchNorm, shortcut, RPReLU, floats for the next shortcut and bits for the next layer."""
    tail = f"n = BatchNormalization(z, g, b, m, s) t = Add(x, n) {RPRELU} {NEXT} r = Add(q, y)"
    assert fused_steps(conv_network(tail, "r")) == [
        ("Binarize", ["Where"]),
        (
            "BinaryConv",
            ["BatchNormalization", "Add", "Add", "PRelu", "Add", "Greater", "Where"],
        ),
        ("BinaryConv", ["Add"]),
    ]


def test_bits_alone_behind_a_residual() -> None:
    tail = f"t = Add(z, x) {RPRELU} {NEXT}"
    assert fused_steps(conv_network(tail, "q"))[1:] == [
        ("BinaryConv", ["Add", "Add", "PRelu", "Add", "Greater", "Where"]),
        ("BinaryConv", []),
    ]


def test_floats_and_bits_of_bare_sums() -> None:
    """A graph output is one more reader."""
    tail = f"{SIGN.format(x='z', y='second')} q = Conv(second, v)"
    assert fused_steps(conv_network(tail, "z q"))[1:] == [
        ("BinaryConv", ["Greater", "Where"]),
        ("BinaryConv", []),
    ]


def test_equal_comparisons_share_their_bits() -> None:
    """They are merged before; of two different ones, the second reads the layer's floats."""
    tail = f"""
        {SIGN.format(x="z", y="second")} {SIGN.format(x="z", y="third")}
        c = Greater(z, one) fourth = Where(c, one, minus)
        q = Conv(second, v) r = Conv(third, v) u = Conv(fourth, v)
    """
    assert fused_steps(conv_network(tail, "q r u"))[1:] == [
        ("BinaryConv", ["Greater", "Where"]),
        ("Binarize", ["Greater", "Where", "Where"]),
        ("BinaryConv", []),
        ("BinaryConv", []),
        ("BinaryConv", []),
    ]


def test_a_residual_that_is_computed_later() -> None:
    """The layer that comes last takes the sum, whichever side of it it is on."""
    tail = "n = Conv<pads=[1, 1, 1, 1]>(first, v) t = Add(z, n) y = PRelu(t, slope)"
    assert fused_steps(conv_network(tail, "y"))[1:] == [
        ("BinaryConv", []),
        ("BinaryConv", ["Add", "PRelu"]),
    ]


@pytest.mark.parametrize(
    "tail",
    [
        "y = Add(z, z)",
        "y = Add(z, first)",
        "k = MaxPool<kernel_shape=[5, 6]>(first) y = Add(z, k)",
        "k = Relu(z) y = Add(z, k)",
        "k = Relu(x) n = Add(k, z) o = Add(k, n) y = Add(o, x)",
    ],
)
def test_sums_of_other_kinds(tail: str) -> None:
    fused_steps(conv_network(tail, "y"))


def test_more_steps_than_a_layer_takes() -> None:
    names = ["z", *(f"t{i}" for i in range(45)), "y"]
    tail = " ".join(f"{b} = Add({a}, bias)" for a, b in pairwise(names))
    steps = fused_steps(conv_network(tail, "y"))[1:]
    assert [op for op, _ in steps] == ["BinaryConv", "Add"]
    assert sum(len(fused) for _, fused in steps) == 45


@pytest.mark.parametrize(
    ("layer", "shape", "weights"),
    [
        ("Conv<pads=[1, 1, 1, 1]>(x, w)", (24, 5, 6), (24, 24, 3, 3)),
        ("Conv<group=2>(x, w)", (24, 5, 6), (24, 12, 1, 1)),
        ("Conv<pads=[1, 1, 1, 1], group=24>(x, w)", (24, 5, 6), (24, 1, 3, 3)),
        ("MatMul(x, w)", (70,), (70, 70)),
        ("Gemm(x, w, k)", (70,), (70, 70)),
    ],
)
@pytest.mark.parametrize("binary", [False, True])
def test_layers_of_floats(
    layer: str, shape: tuple[int, ...], weights: tuple[int, ...], binary: bool, isa: str
) -> None:
    """On integers, whose sums are exact."""
    del isa
    random = np.random.default_rng(4)
    filters = signs(random, weights)
    if not binary:
        filters *= random.integers(1, 4, weights).astype(np.float32)
    channel = (shape[0], *[1] * (len(shape) - 1))
    constants = {
        "w": filters,
        "k": random.integers(-3, 4, weights[0]).astype(np.float32),
        "bias": random.normal(size=channel).astype(np.float32),
        "slope": random.normal(size=channel).astype(np.float32),
        "zero": np.asarray(np.float32(0)),
        "one": np.asarray(np.float32(1)),
        "minus": np.asarray(np.float32(-1)),
    }
    extents = ", ".join(["N", *(str(extent) for extent in shape)])
    model = model_from_text(
        f"""g (float[{extents}] x) => (float[] y, float[] q) {{
            z = {layer} t = Add(z, x) {RPRELU} {SIGN.format(x="y", y="second")}
            r = PRelu(second, slope) q = Add(r, x)
        }}""",
        constants,
    )
    x = random.integers(-9, 10, (35, *shape)).astype(np.float32)
    got = bnn_engine.load(model, fallback="error").run({"x": x})
    for name, array in ort.run(model, {"x": x}).items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize("slope", ["one_slope", "slope"])
@pytest.mark.parametrize("shape", [(24,), (24, 5, 6)])
def test_leaky_relus_alone(slope: str, shape: tuple[int, ...]) -> None:
    """-0 and NaN stay what they are, and slopes may be anything."""
    random = np.random.default_rng(5)
    slopes = random.choice([0.25, -0.5, np.inf, 0.0, -0.0, np.nan], (24, *[1] * (len(shape) - 1)))
    constants = {"one_slope": np.full(1, -0.5, np.float32), "slope": slopes.astype(np.float32)}
    extents = ", ".join(["N", *(str(extent) for extent in shape)])
    model = model_from_text(
        f"g (float[{extents}] x) => (float[] y, float[] z) "
        f"{{ y = PRelu(x, {slope}) z = LeakyRelu<alpha=0.1>(x) }}",
        constants,
    )
    x = rows(1, 3, shape)
    got = bnn_engine.load(model, fallback="error").run({"x": x})
    for name, array in ort.run(model, {"x": x}).items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)
        np.testing.assert_array_equal(np.signbit(got[name]), np.signbit(array))
