"""Which op is lowered by what: the one table of natively supported ops."""

from __future__ import annotations

from bnn_engine.element_types import FLOAT32, element_type
from bnn_engine.graph import Node, Value
from bnn_engine.lowering.binarization import Binarize
from bnn_engine.lowering.bit_layers import BitConv, BitGemm
from bnn_engine.lowering.dot_layers import FloatConv, FloatGemm
from bnn_engine.lowering.element_functions import ELEMENT_FUNCTIONS
from bnn_engine.lowering.elementwise import Arithmetic, Softmax
from bnn_engine.lowering.native_op import NativeOp
from bnn_engine.lowering.pooling import GlobalAveragePool, Pool
from bnn_engine.lowering.quantization import Quantize
from bnn_engine.lowering.reshaping import Cast, Identity, Reshape, Transpose
from bnn_engine.lowering.signs import PadSigns, Sign

__all__ = ["NATIVE_OPS", "why_not_native"]

_ARITHMETIC, _CAST, _POOL, _SOFTMAX = Arithmetic(), Cast(), Pool(), Softmax()
_DENSE, _BIT_DENSE, _BIT_CONV, _RESHAPE = FloatGemm(), BitGemm(), BitConv(), Reshape()

NATIVE_OPS: dict[tuple[str, str], NativeOp] = {
    **{("", op_type): function for op_type, function in ELEMENT_FUNCTIONS.items()},
    ("", "Add"): _ARITHMETIC,
    ("", "AveragePool"): _POOL,
    ("", "BatchNormalization"): _ARITHMETIC,
    ("", "Cast"): _CAST,
    ("", "CastLike"): _CAST,
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
    ("bnn_engine", "BinaryConv"): _BIT_CONV,
    ("bnn_engine", "BinaryGemm"): _BIT_DENSE,
    ("bnn_engine", "BinaryWeightConv"): _BIT_CONV,
    ("bnn_engine", "BinaryWeightGemm"): _BIT_DENSE,
    ("bnn_engine", "Binarize"): Binarize(),
    ("bnn_engine", "LowBitConv"): _BIT_CONV,
    ("bnn_engine", "LowBitGemm"): _BIT_DENSE,
    ("bnn_engine", "Quantize"): Quantize(),
}
"""(domain, op type) -> its lowering."""

_MAX_RANK = 8


def why_not_native(node: Node) -> str | None:
    """Why the core cannot run ``node``, or None when it can.

    Every input that is not a constant must be a tensor of known rank and of a type that the op
    takes, and so must the outputs.
    """
    native = NATIVE_OPS.get((node.domain, node.op_type))
    if native is None:
        return "there is no native kernel"
    variables = [value for value in node.inputs if value is not None and value.const is None]
    if node.captures or not variables or node.inputs[0] is None:
        return "it has no variable input"
    for value in (*variables, *node.outputs):
        reason = _why_not_held(value, native)
        if reason is not None:
            return reason
    return native.decline(node)


def _why_not_held(value: Value, native: NativeOp) -> str | None:
    """Why a program cannot hold ``value`` for ``native``, or None when it can."""
    if element_type(value.dtype) not in native.types:
        instead = (
            ", not float32" if native.types == FLOAT32 else ", which it does not take natively"
        )
        return f"{value.name!r} is {value.dtype or 'of unknown dtype'}{instead}"
    if value.rank is None or value.rank > _MAX_RANK:
        return f"the rank of {value.name!r} is {value.rank or 'unknown'}"
    return None
