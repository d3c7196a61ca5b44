"""Random networks of QONNX quantizers: the engine gives the bits of the ops' references.

All scales are powers of two and all other numbers small integers, so that float32 is exact in every
order of summation, and bits at thresholds are decided. Statistics of normalisations lie on sums
that occur, so that ties are common.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import bnn_engine
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from tests.support.onnx_models import run_onnxruntime

MODES = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]
DOMAINS = ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", ""]


class Builder:
    """A random network, layer by layer."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.value = "x"
        self.channels = int(self.random.integers(1, 5))
        self.image = bool(self.random.integers(0, 2))

    def pick(self, choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def add(self, op: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def quantizer(self, value: str, scale: Any, zero: float = 0.0) -> str:
        """One of the quantizers with 1 to 4 bits, or 8."""
        domain, kind = self.pick(DOMAINS), self.pick(["int", "int", "bipolar", "threshold"])
        if kind == "bipolar":
            return self.add("BipolarQuant", [value, self.constant(scale)], domain)
        if kind == "threshold" and np.ndim(scale) == 0:
            rows = self.pick([1, self.channels])
            levels = self.random.integers(-6, 7, (rows, int(self.random.integers(1, 16)))) / 2
            return self.add(
                "MultiThreshold",
                [value, self.constant(levels)],
                domain,
                out_scale=float(scale),
                out_bias=float(self.random.integers(-2, 1)) * float(scale),
            )
        return self.int_quant(value, scale, zero, self.pick([1, 2, 2, 3, 4, 4, 8]), domain)

    def int_quant(self, value: str, scale: Any, zero: float, bits: int, domain: str) -> str:
        operands = [self.constant(scale), self.constant(zero), self.constant(bits)]
        return self.add(
            self.pick(["Quant", "IntQuant"]),
            [value, *operands],
            domain,
            signed=int(self.random.integers(0, 2)),
            narrow=int(self.random.integers(0, 2)) if bits > 1 else 0,
            rounding_mode=self.pick(MODES),
        )

    def power(self, *shape: int) -> Any:
        return 2.0 ** self.random.integers(-2, 2, shape)

    def layer(self) -> None:
        """Weights, their quantizer, the sum, a normalisation, an activation."""
        outputs = int(self.random.integers(1, 9))
        kernel = (3, 3) if self.image else ()
        latent = self.random.integers(-8, 9, (outputs, self.channels, *kernel)) / 4
        scale = self.power(outputs, 1, *[1] * len(kernel)) if self.pick([0, 1]) else self.power()
        bits, domain = self.pick([1, 2, 3, 4]), self.pick(DOMAINS)
        if bits == 1:
            weights = self.add(
                "BipolarQuant", [self.constant(latent), self.constant(scale)], domain
            )
        else:
            weights = self.int_quant(self.constant(latent), scale, 0.0, bits, domain)
        if self.image:
            self.value = self.add("Conv", [self.value, weights], pads=[1, 1, 0, 1])
        else:
            turned = self.add("Transpose", [weights], perm=[1, 0])
            self.value = self.add("MatMul", [self.value, turned])
        self.channels = outputs
        if self.pick([0, 1, 1]):
            self.normalise()
        if self.image and self.pick([0, 0, 1]):
            self.value = self.add("MaxPool", [self.value], kernel_shape=[2, 2])
        self.value = self.quantizer(self.value, self.power(), self.pick([0.0, 0.0, 1.0]))

    def normalise(self) -> None:
        """γ / sqrt(var + ε) is a power of two, 0 or negative; the mean is a sum that may occur."""
        shape = (self.channels,)
        gamma = self.power(*shape) * self.random.choice([1, 1, -1, 0], shape)
        beta, mean = self.random.integers(-2, 3, shape) / 2, self.random.integers(-3, 4, shape)
        operands = [self.constant(array) for array in (gamma, beta, mean, np.full(shape, 0.75))]
        self.value = self.add("BatchNormalization", [self.value, *operands], epsilon=0.25)

    def model(self) -> onnx.ModelProto:
        channels = self.channels
        if self.pick([0, 1, 1]):
            self.value = self.quantizer(self.value, self.power())
        for _ in range(int(self.random.integers(1, 4))):
            self.layer()
        extents: list[str | int | None] = ["N", channels, *([12, 12] if self.image else [])]
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, extents)],
            [helper.make_tensor_value_info(self.value, TensorProto.FLOAT, None)],
            self.constants,
        )
        imports = [helper.make_opsetid("", int(self.pick([13, 17, 20, 21])))]
        return helper.make_model(graph, opset_imports=imports)


def inputs(model: onnx.ModelProto, seed: int) -> NDArray[np.float32]:
    extents = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    drawn = np.random.default_rng(seed).integers(-16, 17, (5, *extents)) / 4
    return drawn.astype(np.float32)


@pytest.mark.parametrize("seed", range(120))
def test_random_network(seed: int, tmp_path: Any) -> None:
    model = Builder(seed).model()
    x = inputs(model, seed)
    (expected,) = evaluate(import_model(model), {"x": x}).values()
    engine = bnn_engine.load(model)
    answer = engine.predict(x)
    np.testing.assert_array_equal(answer, expected)
    engine.save(tmp_path / "saved.onnx")
    np.testing.assert_array_equal(bnn_engine.load(tmp_path / "saved.onnx").predict(x), expected)
    (saved,) = run_onnxruntime(onnx.load(tmp_path / "saved.onnx"), {"x": x})
    np.testing.assert_array_equal(saved, expected)
