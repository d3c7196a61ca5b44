"""The committed networks, with inputs and what ONNX Runtime answers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.support import ort
from tests.support.bounds import Bounded, evaluate

FOLDER = Path(__file__).parent / "fixtures"
ROWS = 70  # more than the rows of one tile of any kernel, and not a multiple of one
NAMES = sorted(path.stem for path in FOLDER.glob("*.onnx"))

FLOAT_OPS = frozenset(
    ("Gemm", "Conv", "BatchNormalization", "Relu", "MaxPool", "Reshape", "Flatten", "Where")
)

Images = NDArray[np.float32]
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Case:
    """A network of the seed's kind."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def batch(self) -> int | str:
        """The extent of the batch axis: a symbol, or 1 where it was fixed at export."""
        extent = self.model.graph.input[0].type.tensor_type.shape.dim[0]
        return str(extent.dim_param) or int(extent.dim_value)

    @property
    def binary(self) -> bool:
        return bool(self.signs)

    @cached_property
    def model(self) -> onnx.ModelProto:
        """Without external data, so that it can be edited and passed on."""
        return onnx.load(self.path)

    @cached_property
    def folded(self) -> bool:
        """Whether weights that are not -1 or +1 show that a BatchNorm was folded into them."""
        layers = [node for node in self.model.graph.node if node.op_type in ("Gemm", "Conv")]
        weights = {node.input[1] for node in layers}
        return any(
            np.any(np.abs(numpy_helper.to_array(tensor)) != 1)
            for tensor in self.model.graph.initializer
            if tensor.name in weights
        )

    @cached_property
    def signs(self) -> list[str]:
        """Names of the binarized activations in the order of the data flow."""
        return [node.output[0] for node in self.model.graph.node if node.op_type == "Where"]

    @cached_property
    def logits(self) -> str:
        """Name of what LogSoftmax reads."""
        last = self.model.graph.node[-1]
        assert last.op_type == "LogSoftmax"
        return str(last.input[0])

    @cached_property
    def tapped(self) -> onnx.ModelProto:
        """The network with the binarized activations and the logits as further outputs."""
        return ort.with_outputs(self.model, [*self.signs, self.logits, "output"])

    def stage(self, index: int) -> onnx.ModelProto:
        """One layer alone: from the binarized activations ``index - 1`` to those of ``index``.

        The last stage, after all ``signs``, gives logits and output. The activations are an input
        of the graph that is binarized once more, since the engine must prove that they are ±1.
        """
        outputs = self.signs[index : index + 1] or [self.logits, "output"]
        model = ort.with_outputs(self.model, outputs)
        if index > 0:
            first = self.signs[index - 1]
            extents = [self.batch, *self.expected_pixels[first].shape[1:]]
            new = onnx.helper.make_tensor_value_info("bits", onnx.TensorProto.FLOAT, extents)
            compared = self.comparison(first)
            next(n for n in model.graph.node if n.output[0] == compared).input[0] = "bits"
            model.graph.input.insert(0, new)
        needed, kept = set(outputs), list[onnx.NodeProto]()
        for node in reversed(model.graph.node):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.insert(0, node)
        del model.graph.node[:]
        model.graph.node.extend(kept)
        unread = [given for given in model.graph.input if given.name not in needed]
        for given in unread:  # a later layer may still read the images' shape
            model.graph.input.remove(given)
        return model

    @cached_property
    def pixels(self) -> Images:
        """Images of integers 0..255, half of them 0: every sum of a binarized network is exact."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        shape = ROWS, self.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
        drawn = random.integers(0, 256, shape) * random.integers(0, 2, shape)
        images = drawn.astype(np.float32)
        nodes = [n for n in self.model.graph.node if n.op_type not in ("Constant", "Identity")]
        if [node.op_type for node in nodes[:2]] == ["Gemm", "BatchNormalization"] and self.binary:
            weights, bias = (self.constant(name) for name in nodes[0].input[1:])
            means = self.constant(nodes[1].input[3])
            for row, image in enumerate(images):
                channel = row % len(means)
                if means[channel] == round(means[channel]):
                    move_sum_to(image, weights[channel], means[channel] - bias[channel])
        return images

    def constant(self, name: str) -> NDArray[np.float32]:
        """An initializer."""
        found = next(tensor for tensor in self.model.graph.initializer if tensor.name == name)
        return numpy_helper.to_array(found)

    @cached_property
    def real(self) -> Images:
        """Images of any numbers: the first layer's sums round."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()) + 1)
        return random.uniform(-2, 255, self.pixels.shape).astype(np.float32)

    def expected(self, images: Images) -> Tensors:
        """Every float tensor in ONNX Runtime."""
        names = [n.output[0] for n in self.model.graph.node if n.op_type in FLOAT_OPS]
        run = ort.run if isinstance(self.batch, str) else ort.run_rows
        return run(ort.with_outputs(self.model, [*names, "output"]), {"input": images})

    @cached_property
    def expected_pixels(self) -> Tensors:
        return self.expected(self.pixels)

    @cached_property
    def expected_real(self) -> Tensors:
        return self.expected(self.real)

    def bounded(self, images: Images, expected: Tensors) -> dict[str, Bounded]:
        return evaluate(self.model, {"input": images}, expected)

    @cached_property
    def bounded_pixels(self) -> dict[str, Bounded]:
        return self.bounded(self.pixels, self.expected_pixels)

    @cached_property
    def bounded_real(self) -> dict[str, Bounded]:
        return self.bounded(self.real, self.expected_real)

    def comparison(self, sign: str) -> str:
        """Name of the boolean tensor that ``sign`` chooses by."""
        return str(next(n.input[0] for n in self.model.graph.node if n.output[0] == sign))

    def before_sign(self, sign: str) -> str:
        """Name of the tensor whose sign ``sign`` is."""
        comparison = self.comparison(sign)
        return str(next(n.input[0] for n in self.model.graph.node if n.output[0] == comparison))


def move_sum_to(image: Images, signs: NDArray[np.float32], target: np.float32) -> None:
    """Change pixels, within 0..255, until ``image @ signs`` is ``target``: a tie."""
    missing = target - image @ signs
    for pixel, sign in enumerate(signs):
        before = image[pixel]
        image[pixel] = np.clip(before + sign * missing, 0, 255)
        missing -= sign * (image[pixel] - before)


@cache
def case(name: str) -> Case:
    """One of the committed networks; what ONNX Runtime answers is computed once."""
    return Case(FOLDER / f"{name}.onnx")
