"""Which op is lowered by what: the one table of natively supported ops."""

from __future__ import annotations

from bnn_engine.element_types import FLOAT32, element_type
from bnn_engine.graph import Node, Value
from bnn_engine.lowering.binarization import Binarize
from bnn_engine.lowering.bit_layers import BitConv, BitGemm
from bnn_engine.lowering.concatenation import Concat
from bnn_engine.lowering.dot_layers import FloatConv
from bnn_engine.lowering.element_functions import ELEMENT_FUNCTIONS
from bnn_engine.lowering.elementwise import Arithmetic
from bnn_engine.lowering.gathering import Gather, GatherElements, GatherNd
from bnn_engine.lowering.native_op import NativeOp
from bnn_engine.lowering.normalization import (
    GroupNormalization,
    LayerNormalization,
    LocalResponse,
)
from bnn_engine.lowering.ordering import CumulativeSum, Extreme, OneHot, TopK, Trilu
from bnn_engine.lowering.padding import Pad
from bnn_engine.lowering.pooling import GlobalPool, Pool
from bnn_engine.lowering.products import Product
from bnn_engine.lowering.quantization import Quantize
from bnn_engine.lowering.reductions import Reduce
from bnn_engine.lowering.reshaping import Cast, Identity, Reshape, SpaceAndDepth, Transpose
from bnn_engine.lowering.resizing import Resize
from bnn_engine.lowering.signs import Sign
from bnn_engine.lowering.slicing import Expand, Slice, Split, Tile
from bnn_engine.lowering.softmax import Softmax
from bnn_engine.lowering.transposed_conv import ConvTranspose
from bnn_engine.passes.batch_axis import REDUCTIONS

__all__ = ["NATIVE_OPS", "why_not_native"]

_ARITHMETIC, _CAST, _POOL, _SOFTMAX = Arithmetic(), Cast(), Pool(), Softmax()
_PRODUCT, _BIT_DENSE, _BIT_CONV, _RESHAPE = Product(), BitGemm(), BitConv(), Reshape()
_GLOBAL_POOL, _REDUCE, _SPACE_AND_DEPTH = GlobalPool(), Reduce(), SpaceAndDepth()
_EXTREME, _GROUP_NORM, _LAYER_NORM = Extreme(), GroupNormalization(), LayerNormalization()

NATIVE_OPS: dict[tuple[str, str], NativeOp] = {
    **{("", op_type): function for op_type, function in ELEMENT_FUNCTIONS.items()},
    ("", "Add"): _ARITHMETIC,
    ("", "ArgMax"): _EXTREME,
    ("", "ArgMin"): _EXTREME,
    ("", "AveragePool"): _POOL,
    ("", "BatchNormalization"): _ARITHMETIC,
    ("", "Cast"): _CAST,
    ("", "CastLike"): _CAST,
    ("", "Clip"): _ARITHMETIC,
    ("", "Concat"): Concat(),
    ("", "Conv"): FloatConv(),
    ("", "ConvTranspose"): ConvTranspose(),
    ("", "CumSum"): CumulativeSum(),
    ("", "DepthToSpace"): _SPACE_AND_DEPTH,
    ("", "Div"): _ARITHMETIC,
    ("", "Expand"): Expand(),
    ("", "Flatten"): _RESHAPE,
    ("", "Gather"): Gather(),
    ("", "GatherElements"): GatherElements(),
    ("", "GatherND"): GatherNd(),
    ("", "Gemm"): _PRODUCT,
    ("", "GlobalAveragePool"): _GLOBAL_POOL,
    ("", "GlobalMaxPool"): _GLOBAL_POOL,
    ("", "GroupNormalization"): _GROUP_NORM,
    ("", "Hardmax"): _SOFTMAX,
    ("", "Identity"): Identity(),
    ("", "InstanceNormalization"): _GROUP_NORM,
    ("", "LRN"): LocalResponse(),
    ("", "LayerNormalization"): _LAYER_NORM,
    ("", "LeakyRelu"): _ARITHMETIC,
    ("", "LogSoftmax"): _SOFTMAX,
    ("", "LpPool"): _POOL,
    ("", "MatMul"): _PRODUCT,
    ("", "MaxPool"): _POOL,
    ("", "Mul"): _ARITHMETIC,
    ("", "OneHot"): OneHot(),
    ("", "PRelu"): _ARITHMETIC,
    ("", "Pad"): Pad(),
    ("", "RMSNormalization"): _LAYER_NORM,
    **{("", op_type): _REDUCE for op_type in REDUCTIONS},
    ("", "Relu"): _ARITHMETIC,
    ("", "Reshape"): _RESHAPE,
    ("", "Resize"): Resize(),
    ("", "Sign"): Sign(),
    ("", "Slice"): Slice(),
    ("", "Softmax"): _SOFTMAX,
    ("", "SpaceToDepth"): _SPACE_AND_DEPTH,
    ("", "Split"): Split(),
    ("", "Squeeze"): _RESHAPE,
    ("", "Sub"): _ARITHMETIC,
    ("", "Tile"): Tile(),
    ("", "TopK"): TopK(),
    ("", "Transpose"): Transpose(),
    ("", "Trilu"): Trilu(),
    ("", "Unsqueeze"): _RESHAPE,
    ("bnn_engine", "Binarize"): Binarize(),
    ("bnn_engine", "BinaryConv"): _BIT_CONV,
    ("bnn_engine", "BinaryGemm"): _BIT_DENSE,
    ("bnn_engine", "BinaryWeightConv"): _BIT_CONV,
    ("bnn_engine", "BinaryWeightGemm"): _BIT_DENSE,
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
