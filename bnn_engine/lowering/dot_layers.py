"""Dense and convolution layers, with the per-channel arithmetic or thresholds that follow them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.graph import Graph, Node, Value
from bnn_engine.lowering import weights as packing
from bnn_engine.lowering.channels import ChannelSteps
from bnn_engine.lowering.emitter import Emitter, Located
from bnn_engine.lowering.native_op import (
    EpilogueSteps,
    Interval,
    NativeOp,
    collect_steps,
    data_input,
    float_epilogue,
    fused_origins,
    interval_of,
    layer_name,
    window_of,
)
from bnn_engine.lowering.summary import LayerSummary

__all__ = ["BinaryConv", "BinaryGemm", "FloatConv", "FloatGemm"]

Epilogue = _core.FloatEpilogue | _core.Thresholds
Form = Literal["plain", "channels_last"]
Kind = Literal["W1A1", "W1A8", "W1A32", "float"]

_EXACT_INTEGERS = 1 << 24
"""Below it float32 holds every integer, so that sums of integers are exact in any order."""


@dataclass(frozen=True)
class _Tail:
    """What follows a layer's accumulators inside the same step.

    Attributes:
        epilogue: the core's form of it.
        nodes: what it stands for.
        floats: the value that the step stores as floats, or None.
        signs: equal values that it stores as bits, after the floats.
        form: how it stores them, "channels_last" for an image.
    """

    epilogue: Epilogue
    nodes: list[Node]
    floats: Value | None
    signs: list[Value]
    form: Form


def _tail(
    node: Node,
    outputs: int,
    bias: ChannelSteps,
    graph: Graph,
    emitter: Emitter,
    form: Form,
    *,
    to_bits: bool = True,
) -> _Tail:
    """Arithmetic and thresholds after ``node``, as far as the layer's step can take them."""
    value, steps = node.output, EpilogueSteps(bias)
    # Both act along axis 1; the step's outputs are the last stored axis.
    if form != "channels_last" and value.rank != 2:
        return _Tail(float_epilogue(steps, outputs), [], value, [], form)
    value, steps, nodes = collect_steps(value, steps, graph, emitter, residuals=True)
    interval, comparisons = _comparisons(value, outputs, emitter) if to_bits else (None, [])
    if interval is None:
        return _Tail(float_epilogue(steps, outputs), nodes, value, [], form)
    compared = {id(comparison) for comparison in comparisons}
    others = any(id(consumer) not in compared for consumer in value.consumers)
    keep_floats = others or graph.is_output(value)
    thresholds = interval.thresholds()
    # Bare accumulators are compared as they are.
    epilogue: Epilogue = thresholds
    if steps or keep_floats:
        epilogue = float_epilogue(steps, outputs, thresholds, keep_floats=keep_floats)
    return _Tail(
        epilogue,
        [*nodes, *comparisons],
        value if keep_floats else None,
        [comparison.output for comparison in comparisons],
        form,
    )


def _comparisons(
    value: Value, outputs: int, emitter: Emitter
) -> tuple[Interval | None, list[Node]]:
    """The Binarize nodes on ``value`` that give the same bits as the first, and their interval."""
    first: Interval | None = None
    nodes: list[Node] = []
    for consumer in value.consumers:
        if (consumer.domain, consumer.op_type) != ("bnn_engine", "Binarize"):
            continue
        if emitter.keep_nan and consumer.attributes.get("nan_passes", 0) != 0:
            continue
        interval = interval_of(consumer, value, outputs) if emitter.owns(consumer) else None
        if interval is not None and (first is None or interval.same_as(first)):
            first = interval
            nodes.append(consumer)
    return first, nodes


def _finish(
    node: Node,
    tail: _Tail,
    step: int,
    kind: Kind,
    macs: int,
    graph: Graph,
    emitter: Emitter,
) -> None:
    layer = LayerSummary(
        layer_name(node),
        node.op_type,
        kind,
        fused=fused_origins(node, tail.nodes),
        binary_macs=macs if kind == "W1A1" else 0,
        float_macs=0 if kind == "W1A1" else macs,
        reason=graph.reasons.get(node.output.name, ""),
    )
    stored: list[tuple[Value, Located]] = []
    if tail.floats is not None:
        stored.append((tail.floats, Located(step, tail.form)))
    bits = Located(step + len(stored), tail.form, bits=True)
    stored += [(value, bits) for value in tail.signs]
    for value, located in stored[1:]:
        emitter.place(value, located)
    emitter.finish_layer(*stored[0], layer, [node, *tail.nodes])


def _numbers(node: Node, name: str) -> list[int]:
    got = node.attributes.get(name)
    return [int(number) for number in got] if isinstance(got, list) else []


def _pixels(value: Value) -> int:
    """Output pixels per sample, 0 where the image size is not fixed."""
    assert value.shape is not None
    total = 1
    for dim in value.shape[2:]:
        total *= dim if isinstance(dim, int) else 0
    return total


def _packed_weights(node: Node, length: int) -> NDArray[np.uint8] | str:
    """[outputs, ceil(length / 8)] packed rows of a bnn_engine op, or what is wrong with them."""
    value = node.input(1)
    if value is None or value.const is None:
        return "weights are not constant"
    packed = value.const
    if (
        length < 1
        or packed.dtype != np.uint8
        or packed.ndim != 2
        or packed.shape[1] != -(-length // 8)
    ):
        return f"weights must be uint8 [outputs, {-(-length // 8)}]"
    return np.ascontiguousarray(packed, np.uint8)


def _integer(node: Node, name: str) -> int:
    got = node.attributes.get(name, 0)
    return got if isinstance(got, int) and 0 < got < 1 << 40 else 0


def _on_bits(node: Node, emitter: Emitter) -> bool:
    """True for a layer that reads packed bits: of -1, 0 and +1 only, and no NaN is to be kept."""
    if node.op_type not in ("BinaryConv", "BinaryGemm"):
        return False
    return emitter.located(data_input(node)).bits or not emitter.keep_nan


def _sums_integers(value: Value, length: int, emitter: Emitter) -> bool:
    """Whether 32-bit sums of ``length`` elements ±x are the float sums of the graph, bit for bit.

    Both are exact where ``value`` is stored as 8-bit integers and no sum leaves float32's integers.
    """
    return emitter.located(value).integers and length * 255 < _EXACT_INTEGERS


def _kind(binary: bool, integers: bool) -> Kind:
    return "W1A1" if binary else "W1A8" if integers else "W1A32"


class BinaryGemm(NativeOp):
    """``BinaryGemm`` and ``BinaryWeightGemm``: [N, K] times ±1 weights [outputs, K]."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).rank != 2:
            return "the input is not a matrix"
        packed = _packed_weights(node, _integer(node, "features"))
        return packed if isinstance(packed, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        features = _integer(node, "features")
        packed = _packed_weights(node, features)
        assert not isinstance(packed, str)
        outputs = packed.shape[0]
        name, value = layer_name(node), data_input(node)
        tail = _tail(node, outputs, [], graph, emitter, "plain")
        binary = _on_bits(node, emitter)
        integers = not binary and _sums_integers(value, features, emitter)
        if binary:
            located = emitter.packed(value)
        else:
            located = emitter.numbers(value) if integers else emitter.floats(value)
        bits = packing.sign_bits(packed, features)
        positions = 1
        if located.image is not None:  # stored [H, W, C], weights know [C, H, W]
            channels, height, width = located.image
            positions = height * width
            bits = bits.reshape(outputs, channels, positions).transpose(0, 2, 1)
        if binary:
            words = packing.to_words(bits.reshape(outputs, positions, features // positions))
            step = emitter.builder.xnor_dense(
                name,
                located.id,
                words,
                outputs,
                features,
                tail.epilogue,
                _core.InputCode(ternary=located.ternary),
                _core.WeightCode([0], 0, False),
            )
        else:
            rows = packing.to_bytes(bits.reshape(outputs, features))
            dense = emitter.builder.byte_dense if integers else emitter.builder.binary_weight_dense
            step = dense(name, located.id, rows, outputs, features, tail.epilogue)
        kind = _kind(binary, integers)
        _finish(node, tail, step, kind, outputs * features, graph, emitter)


class BinaryConv(NativeOp):
    """``BinaryConv`` and ``BinaryWeightConv``: images times ±1 filters [outputs, C, kh, kw]."""

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).rank != 4:
            return "only 2-D convolutions are native"
        kernel = _numbers(node, "kernel_shape")
        window = window_of(node, kernel)
        if isinstance(window, str):
            return window
        packed = _packed_weights(node, _integer(node, "channels") * kernel[0] * kernel[1])
        return packed if isinstance(packed, str) else None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        channels, groups = _integer(node, "channels"), _integer(node, "group")
        kernel = _numbers(node, "kernel_shape")
        window = window_of(node, kernel)
        taps = kernel[0] * kernel[1]
        packed = _packed_weights(node, channels * taps)
        assert not isinstance(packed, str)
        assert not isinstance(window, str)
        outputs = packed.shape[0]
        name, value = layer_name(node), data_input(node)
        binary = _on_bits(node, emitter)
        to_bits = binary or groups == 1
        tail = _tail(node, outputs, [], graph, emitter, "channels_last", to_bits=to_bits)
        bits = packing.sign_bits(packed, channels * taps)
        bits = bits.reshape(outputs, channels, taps).transpose(0, 2, 1)
        integers = not binary and _sums_integers(value, channels * taps, emitter)
        if binary:
            located = emitter.packed(value)
            step = emitter.builder.xnor_conv(
                name,
                located.id,
                packing.to_words(bits),
                outputs,
                channels * groups,
                groups,
                window,
                tail.epilogue,
                _core.InputCode(ternary=located.ternary),
                _core.WeightCode([0], 0, False),
                # An image that only leaves the program: its readers want it plain.
                tail.floats is not None
                and not any(emitter.owns(reader) for reader in tail.floats.consumers),
            )
            if emitter.builder.stores_channels_first(step):
                tail = replace(tail, form="plain")
        elif groups != 1:  # float kernels know groups, those with 1-bit weights do not
            signs = (1 - 2 * bits.astype(np.float32)).reshape(outputs, taps * channels)
            step = emitter.builder.f32_conv(
                name,
                emitter.channels_last(value),
                signs,
                outputs,
                channels * groups,
                groups,
                window,
                tail.epilogue,
            )
        else:
            conv = emitter.builder.byte_conv if integers else emitter.builder.binary_weight_conv
            step = conv(
                name,
                emitter.row_numbers(value).id if integers else emitter.channels_last(value),
                packing.to_bytes(bits.reshape(outputs, taps * channels)),
                outputs,
                channels,
                window,
                tail.epilogue,
            )
        macs = outputs * channels * taps * _pixels(node.output)
        _finish(node, tail, step, _kind(binary, integers), macs, graph, emitter)


def _bias(constant: Value | None, outputs: int, factor: float = 1.0) -> ChannelSteps | None:
    """An optional bias as epilogue steps; None where it is not one constant per output."""
    if constant is None:
        return []
    array = constant.const
    if array is None or array.dtype != np.float32 or array.shape[:-1] != (1,) * (array.ndim - 1):
        return None
    if array.size not in (1, outputs) or array.ndim > 2:
        return None
    bias = array.reshape(-1).astype(np.float32, copy=False)
    return [("add", bias if factor == 1.0 else bias * np.float32(factor))]


class FloatGemm(NativeOp):
    """``Gemm`` and ``MatMul`` with constant float weights."""

    def _weights(self, node: Node) -> NDArray[np.float32] | str:
        """[outputs, K], scaled by Gemm's alpha; or why the layer is not native."""
        value = node.input(1)
        if value is None or value.const is None:
            return "the second operand is not constant"
        matrix = value.const
        if matrix.dtype != np.float32 or matrix.ndim != 2:
            return "the weights are not a float32 matrix"
        if 0 in matrix.shape:
            return "the weights are empty"
        if node.op_type == "MatMul":
            return np.ascontiguousarray(matrix.T, np.float32)
        if node.attributes.get("transA", 0) != 0:
            return "the input is transposed"
        rows: NDArray[Any] = matrix if node.attributes.get("transB", 0) != 0 else matrix.T
        alpha = node.attributes.get("alpha", 1.0)
        assert isinstance(alpha, float)
        with np.errstate(all="ignore"):
            scaled = rows if alpha == 1.0 else rows * np.float32(alpha)
        return np.ascontiguousarray(scaled, np.float32)

    def _bias(self, node: Node, outputs: int) -> ChannelSteps | None:
        beta = node.attributes.get("beta", 1.0)
        assert isinstance(beta, float)
        return _bias(node.input(2) if beta != 0 else None, outputs, beta)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        rank = data_input(node).rank
        if rank is None or rank < 2 or (node.op_type == "Gemm" and rank != 2):
            return "the input is not a matrix"
        matrix = self._weights(node)
        if isinstance(matrix, str):
            return matrix
        if self._bias(node, matrix.shape[0]) is None:
            return "the bias is not one constant per output"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        matrix = self._weights(node)
        assert not isinstance(matrix, str)
        outputs, features = matrix.shape
        bias = self._bias(node, outputs) or []
        tail = _tail(node, outputs, bias, graph, emitter, "plain")
        value = data_input(node)
        located = emitter.floats(value)
        source = located.id
        if located.image is not None:
            channels, height, width = located.image
            image = matrix.reshape(outputs, channels, height, width)
            matrix = np.ascontiguousarray(image.transpose(0, 2, 3, 1)).reshape(outputs, features)
        elif located.form == "channels_last":
            source = emitter.plain(value)
        step = emitter.builder.f32_dense(
            layer_name(node), source, matrix, outputs, features, tail.epilogue
        )
        _finish(node, tail, step, "float", outputs * features, graph, emitter)


class FloatConv(NativeOp):
    """``Conv`` with constant float weights, 2-D, any groups."""

    def _weights(self, node: Node) -> NDArray[np.float32] | str:
        """[outputs, C / groups, kh, kw], or why the layer is not native."""
        value = node.input(1)
        if value is None or value.const is None:
            return "the weights are not constant"
        if value.const.dtype != np.float32 or value.const.ndim != 4:
            return "only 2-D float32 convolutions are native"
        if 0 in value.const.shape:
            return "the weights are empty"
        return value.const.astype(np.float32, copy=False)

    def decline(self, node: Node) -> str | None:
        """See :class:`NativeOp`."""
        if data_input(node).rank != 4:
            return "only 2-D convolutions are native"
        filters = self._weights(node)
        if isinstance(filters, str):
            return filters
        window = window_of(node, filters.shape[2:])
        if isinstance(window, str):
            return window
        if _bias(node.input(2), filters.shape[0]) is None:
            return "the bias is not one constant per output"
        return None

    def emit(self, node: Node, graph: Graph, emitter: Emitter) -> None:
        """See :class:`NativeOp`."""
        filters = self._weights(node)
        assert not isinstance(filters, str)
        outputs, per_group, height, width = filters.shape
        window = window_of(node, (height, width))
        assert not isinstance(window, str)
        groups = _integer(node, "group") or 1
        bias = _bias(node.input(2), outputs) or []
        tail = _tail(node, outputs, bias, graph, emitter, "channels_last", to_bits=groups == 1)
        length = height * width * per_group
        step = emitter.builder.f32_conv(
            layer_name(node),
            emitter.channels_last(data_input(node)),
            np.ascontiguousarray(filters.transpose(0, 2, 3, 1)).reshape(outputs, length),
            outputs,
            per_group * groups,
            groups,
            window,
            tail.epilogue,
        )
        macs = outputs * length * _pixels(node.output)
        _finish(node, tail, step, "float", macs, graph, emitter)
