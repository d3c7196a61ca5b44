"""Dense and convolution layers with weights of a few bits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering import weights as packing
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.layer_tail import finish_layer, layer_tail, pixels
from bnn_engine.lowering.native_op import NativeOp, data_input, layer_name, window_of
from bnn_engine.lowering.planar_images import planar_image
from bnn_engine.lowering.plane_code import code_for, grid_of_signs
from bnn_engine.ops import OPS, WeightCode, choose_code, code_of, pack_levels, unpack_levels
from bnn_engine.ops.weight_code import SIGNS
from bnn_engine.passes.grids import InputGrid

__all__ = ["BitConv", "BitGemm"]

_EXACT_INTEGERS = 1 << 24
"""Below it float32 holds every integer, so that sums of integers are exact in any order."""

_WORD_BITS = 64


@dataclass(frozen=True)
class _Weights:
    """Integer weights in planes of ±1.

    Attributes:
        packed: [planes, outputs, bytes of a row], as ONNX orders the elements of a row.
        code: what the planes stand for.
        row_shape: (channels, positions): a convolution's taps, or the pixels of a flattened image.
    """

    packed: NDArray[np.uint8]
    code: WeightCode
    row_shape: tuple[int, int]

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.packed.shape[1])

    @property
    def length(self) -> int:
        """Weights of an output channel."""
        return math.prod(self.row_shape)

    def without_constant(self) -> _Weights | None:
        """The same weights in a code without a constant, if there is one."""
        if self.code.constant == 0:
            return self
        levels = unpack_levels(self.packed, self.code, [self.length]).astype(np.int8)
        code = choose_code(np.unique(levels), constant=False)
        return None if code is None else replace(self, packed=pack_levels(levels, code), code=code)

    def bits(self) -> NDArray[np.uint8]:
        """[planes, outputs, positions, channels] of 0 and 1."""
        channels, positions = self.row_shape
        flat = self.packed.reshape(-1, self.packed.shape[2])
        rows = packing.sign_bits(flat, self.length).reshape(-1, channels, positions)
        return rows.transpose(0, 2, 1).reshape(*self.packed.shape[:2], positions, channels)

    def words(self) -> NDArray[np.uint64]:
        """[planes, outputs, positions, words of the channels]."""
        return np.stack([packing.to_words(plane) for plane in self.bits()])

    def row_bytes(self) -> NDArray[np.uint8]:
        """Rows of ±1 weights, packed along positions and channels."""
        return packing.to_bytes(self.bits()[0].reshape(self.outputs, self.length))

    def floats(self) -> NDArray[np.float32]:
        """[outputs, positions * channels]."""
        channels, positions = self.row_shape
        numbers = unpack_levels(self.packed, self.code, [channels, positions])
        return np.ascontiguousarray(numbers.transpose(0, 2, 1)).reshape(self.outputs, self.length)

    def core_code(self) -> _core.WeightCode:
        """The core's form of the code."""
        return _core.WeightCode(self.code.shifts, self.code.constant, self.code.halved)


def _weights(node: Node, channels: int, positions: int) -> _Weights:
    """The weights of an op whose definition finds nothing wrong."""
    value = node.input(1)
    assert value is not None
    assert value.const is not None
    packed = np.ascontiguousarray(value.const, np.uint8)
    if node.op_type.startswith("LowBit"):
        return _Weights(packed, code_of(node.attributes), (channels, positions))
    return _Weights(packed[None], SIGNS, (channels, positions))


def _problem(node: Node) -> str | None:
    """What is wrong with a use of the op."""
    packed = node.input(1)
    if packed is None or packed.const is None:
        return "weights are not constant"
    if packed.const.size == 0:
        return "the weights are empty"
    values = (data_input(node), packed)
    dtypes, shapes = [value.dtype for value in values], [value.shape for value in values]
    return OPS[node.op_type].problem(dtypes, shapes, node.attributes)


def _grid(node: Node) -> InputGrid:
    """What the input of a Binary or LowBit op stands for."""
    if node.op_type.startswith("Binary"):
        return grid_of_signs(data_input(node))
    scale, offset, levels = (
        node.attributes[name] for name in ("input_scale", "input_offset", "levels")
    )
    assert isinstance(scale, float)
    assert isinstance(offset, float)
    assert isinstance(levels, list)
    return InputGrid(np.float32(scale), np.float32(offset), tuple(int(level) for level in levels))


def _bit_input(
    node: Node, groups: int, weights: _Weights, emitter: Emitter
) -> tuple[Located, _Weights] | None:
    """The packed input of a layer and weights that go with it.

    None for a layer that runs on floats: its input is not known to be of few values, a NaN in it is
    to be kept, or its weights have no code for the kernels that it needs.
    """
    value = data_input(node)
    if node.op_type.startswith("BinaryWeight"):
        return None
    if emitter.keep_nan and not emitter.located(value).bits:
        return None
    grid = _grid(node)
    # Under masks, which zeros and groups of other than whole words need, weights have no constant.
    masked = groups != 1 or emitter.code_when_packed(value, grid).ternary
    coded = weights.without_constant() if masked else weights
    return None if coded is None else (emitter.packed(value, grid), coded)


def _kind(node: Node, weights: _Weights) -> str:
    """Planes of the weights and of the activations, as in "W1A2".

    Sign has one bit, although its rare zeros need a mask; so has what is found never to be 0.
    """
    levels = _grid(node).levels
    bits = code_for(levels, levels).planes
    if levels == (-1, 0, 1) and _comes_from_sign(node):
        bits = 1
    return f"W{len(weights.code.shifts)}A{bits}"


def _comes_from_sign(node: Node) -> bool:
    producer = data_input(node).producer
    while producer is not None and not producer.domain and producer.op_type != "Sign":
        source = producer.input(0)
        producer = None if source is None else source.producer
    return producer is not None and producer.op_type in ("Sign", "Binarize")


def _integer_input(node: Node, emitter: Emitter) -> Located:
    """The input as the integers of the op's grid in floats, NaN where it is NaN."""
    value, name = data_input(node), layer_name(node)
    if not node.op_type.startswith("LowBit"):
        return emitter.floats(value)
    packed = emitter.packed(value, _grid(node))
    integers = tuple(
        None if number is None else float(packed.code.integer(word))
        for word, number in enumerate(packed.code.values)
    )
    coded = replace(packed, code=replace(packed.code, values=integers))
    return (
        emitter.with_nan(name, coded, value) if emitter.keep_nan else emitter.unpacked(name, coded)
    )


def _sums_integers(value: Value, length: int, emitter: Emitter) -> bool:
    """Whether 32-bit sums of ``length`` elements ±x are the float sums of the graph, bit for bit.

    Both are exact where ``value`` is stored as 8-bit integers and no sum leaves float32's integers.
    """
    return emitter.located(value).integers and length * 255 < _EXACT_INTEGERS


class BitGemm(NativeOp):
    """``BinaryGemm``, ``LowBitGemm``, ``BinaryWeightGemm``: rows times rows of a few bits."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return _problem(node)

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        features = node.attributes["features"]
        assert isinstance(features, int)
        name, value = layer_name(node), data_input(node)
        weights = _weights(node, features, 1)
        found = _bit_input(node, 1, weights, emitter)
        tail = layer_tail(
            node, weights.outputs, [], graph, emitter, "plain", sums_hold_nan=found is None
        )
        epilogue, builder, outputs = tail.epilogue, emitter.builder, weights.outputs
        if found is not None:
            located, weights = found
            weights = _flattened(weights, located)
            code, weight_code = located.code.input_code(), weights.core_code()
            pixels = 1 if located.image is None else located.image[1] * located.image[2]
            step = builder.xnor_dense(
                *(name, located.id, weights.words(), outputs, features),
                *(epilogue, code, weight_code, pixels),
            )
            kind = _kind(node, _weights(node, features, 1))
        elif weights.code != SIGNS or node.op_type == "LowBitGemm":
            located = _integer_input(node, emitter)
            rows = _flattened(weights, located).floats()
            step = builder.f32_dense(name, located.id, rows, outputs, features, epilogue)
            kind = "float"
        else:
            integers = _sums_integers(value, features, emitter)
            located = emitter.numbers(value) if integers else emitter.floats(value)
            rows_of_bits = _flattened(weights, located).row_bytes()
            dense = builder.byte_dense if integers else builder.binary_weight_dense
            step = dense(name, located.id, rows_of_bits, outputs, features, epilogue)
            kind = "W1A8" if integers else "W1A32"
        finish_layer(node, tail, step, kind, outputs * features, graph, emitter)


def _flattened(weights: _Weights, located: Located) -> _Weights:
    """Weights for an image that is stored [H, W, C], where they know [C, H, W]."""
    if located.image is None:
        return weights
    channels, height, width = located.image
    return replace(weights, row_shape=(channels, height * width))


class BitConv(NativeOp):
    """``BinaryConv``, ``LowBitConv``, ``BinaryWeightConv``: images times filters of a few bits."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        return _problem(node) or (
            None if data_input(node).rank is not None else "the rank of the input is unknown"
        )

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        channels, groups, kernel = (
            node.attributes[name] for name in ("channels", "group", "kernel_shape")
        )
        assert isinstance(channels, int)
        assert isinstance(groups, int)
        assert isinstance(kernel, list)
        window = window_of(node, [int(extent) for extent in kernel])
        assert not isinstance(window, str)
        name, value = layer_name(node), data_input(node)
        weights = _weights(node, channels, math.prod(int(extent) for extent in kernel))
        found = _bit_input(node, groups, weights, emitter)
        tail = layer_tail(
            node,
            weights.outputs,
            [],
            graph,
            emitter,
            "channels_last",
            to_bits=found is not None or groups == 1,
            sums_hold_nan=found is None,
        )
        epilogue, builder, outputs = tail.epilogue, emitter.builder, weights.outputs
        if found is not None:
            located, coded = found
            step = builder.xnor_conv(
                name,
                located.id,
                coded.words(),
                outputs,
                channels * groups,
                groups,
                window,
                epilogue,
                located.code.input_code(),
                coded.core_code(),
                # An image that only leaves the program: its readers want it plain.
                tail.floats is not None
                and tail.floats.rank == 4
                and not any(emitter.owns(reader) for reader in tail.floats.consumers),
            )
            if builder.stores_channels_first(step):
                tail = replace(tail, form="plain")
            kind = _kind(node, weights)
        elif node.op_type == "LowBitConv" or groups != 1:
            # Float kernels know groups, those with 1-bit weights do not.
            located = _integer_input(node, emitter)
            source = emitter.as_channels_last(value, located)
            step = builder.f32_conv(
                name,
                source,
                weights.floats(),
                outputs,
                channels * groups,
                groups,
                window,
                epilogue,
                planar=False,
            )
            kind = "W1A32" if weights.code == SIGNS else "float"
        elif _sums_integers(value, weights.length, emitter):
            pixels_of_bytes = emitter.row_numbers(value).id
            rows = weights.row_bytes()
            step = builder.byte_conv(
                name, pixels_of_bytes, rows, outputs, channels, window, epilogue
            )
            kind = "W1A8"
        else:
            planar = planar_image(value, groups, emitter)
            step = builder.binary_weight_conv(
                name,
                emitter.channels_last(value) if planar is None else planar,
                weights.row_bytes() if planar is None else weights.packed[0],
                outputs,
                channels,
                window,
                epilogue,
                planar is not None,
            )
            kind = "W1A32"
        macs = outputs * weights.length * pixels(node.output)
        finish_layer(node, tail, step, kind, macs, graph, emitter)
