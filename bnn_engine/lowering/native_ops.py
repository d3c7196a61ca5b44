"""Which op is lowered by what: the one table of natively supported ops."""

from __future__ import annotations

import numpy as np

from bnn_engine.graph import Node
from bnn_engine.lowering.binarization import Binarize
from bnn_engine.lowering.dot_layers import BinaryConv, BinaryGemm, FloatConv, FloatGemm
from bnn_engine.lowering.elementwise import Arithmetic, Softmax
from bnn_engine.lowering.emitter import INPUT_TYPES
from bnn_engine.lowering.native_op import NativeOp
from bnn_engine.lowering.pooling import GlobalAveragePool, Pool
from bnn_engine.lowering.reshaping import Cast, Identity, Reshape, Transpose
from bnn_engine.lowering.signs import PadSigns, Sign

__all__ = ["NATIVE_OPS", "why_not_native"]

_ARITHMETIC, _POOL, _SOFTMAX = Arithmetic(), Pool(), Softmax()
_DENSE, _BINARY_DENSE, _BINARY_CONV, _RESHAPE = FloatGemm(), BinaryGemm(), BinaryConv(), Reshape()

NATIVE_OPS: dict[tuple[str, str], NativeOp] = {
    ("", "Add"): _ARITHMETIC,
    ("", "AveragePool"): _POOL,
    ("", "BatchNormalization"): _ARITHMETIC,
    ("", "Cast"): Cast(),
    ("", "Clip"): _ARITHMETIC,
    ("", "Conv"): FloatConv(),
    ("", "Div"): _ARITHMETIC,
    ("", "Flatten"): _RESHAPE,
    ("", "Gemm"): _DENSE,
    ("", "GlobalAveragePool"): GlobalAveragePool(),
    ("", "Identity"): Identity(),
    ("", "LeakyRelu"): _ARITHMETIC,
    ("", "LogSoftmax"): _SOFTMAX,
    ("", "MatMul"): _DENSE,
    ("", "MaxPool"): _POOL,
    ("", "Mul"): _ARITHMETIC,
    ("", "PRelu"): _ARITHMETIC,
    ("", "Pad"): PadSigns(),
    ("", "Relu"): _ARITHMETIC,
    ("", "Reshape"): _RESHAPE,
    ("", "Sign"): Sign(),
    ("", "Softmax"): _SOFTMAX,
    ("", "Sub"): _ARITHMETIC,
    ("", "Transpose"): Transpose(),
    ("bnn_engine", "BinaryConv"): _BINARY_CONV,
    ("bnn_engine", "BinaryGemm"): _BINARY_DENSE,
    ("bnn_engine", "BinaryWeightConv"): _BINARY_CONV,
    ("bnn_engine", "BinaryWeightGemm"): _BINARY_DENSE,
    ("bnn_engine", "Binarize"): Binarize(),
}
"""(domain, op type) -> its lowering."""

_MAX_RANK = 8


def why_not_native(node: Node) -> str | None:
    """Why the core cannot run ``node``, or None when it can.

    The core computes float32: every input that is not a constant must be a float32 tensor of known
    rank, and so must the output. Only Cast reads other tensors, of 8-bit integers or booleans.
    """
    native = NATIVE_OPS.get((node.domain, node.op_type))
    if native is None:
        return "there is no native kernel"
    variables = [value for value in node.inputs if value is not None and value.const is None]
    if node.captures or not variables or node.inputs[0] is None:
        return "it has no variable input"
    for value in (*variables, node.output):
        is_cast_input = node.op_type == "Cast" and value is not node.output
        if value.dtype != np.float32 and not (is_cast_input and value.dtype in INPUT_TYPES):
            return f"{value.name!r} is {value.dtype or 'of unknown dtype'}, not float32"
        if value.rank is None or value.rank > _MAX_RANK:
            return f"the rank of {value.name!r} is {value.rank or 'unknown'}"
    return native.decline(node)
