"""All ops of the domain by name, and their registration with ONNX."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bnn_engine.ops.binarize import BINARIZE
from bnn_engine.ops.binary_conv import BINARY_CONV
from bnn_engine.ops.binary_gemm import BINARY_GEMM
from bnn_engine.ops.binary_weight_conv import BINARY_WEIGHT_CONV
from bnn_engine.ops.binary_weight_gemm import BINARY_WEIGHT_GEMM
from bnn_engine.ops.bipolar_quant import BIPOLAR_QUANT
from bnn_engine.ops.definition import DOMAIN, DOMAIN_VERSION, OpDefinition, Shape
from bnn_engine.ops.int_quant import INT_QUANT
from bnn_engine.ops.low_bit_conv import LOW_BIT_CONV
from bnn_engine.ops.low_bit_gemm import LOW_BIT_GEMM
from bnn_engine.ops.multi_threshold import MULTI_THRESHOLD
from bnn_engine.ops.quantize import QUANTIZE
from bnn_engine.ops.rounding import ROUND_TO_INTEGER
from bnn_engine.ops.trunc import TRUNC_V1, TRUNC_V2
from bnn_engine.ops.unpack import UNPACK_SIGNS
from bnn_engine.ops.unpack_levels import UNPACK_LEVELS
from bnn_engine.ops.xnor_popcount_matmul import XNOR_POPCOUNT_MATMUL

if TYPE_CHECKING:
    import onnx

__all__ = ["OPS", "functions", "register_schemas"]

OPS: dict[str, OpDefinition] = {
    definition.name: definition
    for definition in (
        BINARIZE,
        BINARY_CONV,
        BINARY_GEMM,
        BINARY_WEIGHT_CONV,
        BINARY_WEIGHT_GEMM,
        BIPOLAR_QUANT,
        INT_QUANT,
        LOW_BIT_CONV,
        LOW_BIT_GEMM,
        MULTI_THRESHOLD,
        QUANTIZE,
        ROUND_TO_INTEGER,
        TRUNC_V1,
        TRUNC_V2,
        UNPACK_LEVELS,
        UNPACK_SIGNS,
        XNOR_POPCOUNT_MATMUL,
    )
}

_registration = threading.Lock()


def functions(names: Iterable[str], opset: int) -> list[onnx.FunctionProto]:
    """Return the function bodies of the ops ``names`` and of all that they call, by name."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(OPS[name].calls)
    return [OPS[name].function(opset) for name in sorted(needed)]


def register_schemas() -> None:
    """Make the ops known to ``onnx.defs``, so that checker and shape inference work. Idempotent."""
    import onnx.defs

    with _registration:
        for definition in OPS.values():
            if not onnx.defs.has(definition.name, DOMAIN):
                onnx.defs.register_schema(_schema(definition))


def _schema(definition: OpDefinition) -> Any:
    from onnx.defs import OpSchema

    kinds = {
        "float": OpSchema.AttrType.FLOAT,
        "floats": OpSchema.AttrType.FLOATS,
        "int": OpSchema.AttrType.INT,
        "ints": OpSchema.AttrType.INTS,
        "string": OpSchema.AttrType.STRING,
    }
    schema = OpSchema(
        definition.name,
        DOMAIN,
        DOMAIN_VERSION,
        definition.doc,
        inputs=[
            OpSchema.FormalParameter(name, f"tensor({kind})") for name, kind in definition.inputs
        ],
        outputs=[OpSchema.FormalParameter("y", "tensor(float)")],
        attributes=[
            OpSchema.Attribute(name, kinds[kind], required=True)
            for name, kind in definition.attributes.items()
        ],
    )
    schema.set_type_and_shape_inference_function(lambda context: _infer(definition, context))
    return schema


def _infer(definition: OpDefinition, context: Any) -> None:
    """Adapt ``definition.infer`` to ONNX's inference context."""
    import onnx
    from onnx.shape_inference import InferenceError

    attributes = {
        name: onnx.helper.get_attribute_value(context.get_attribute(name))
        for name in definition.attributes
    }
    attributes = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }
    shapes = [_shape(context.get_input_type(index)) for index in range(len(definition.inputs))]
    try:
        shape = definition.infer(shapes, attributes)
    except ValueError as error:
        raise InferenceError(f"{definition.name}: {error}") from error
    output = onnx.TypeProto()
    output.tensor_type.elem_type = onnx.TensorProto.FLOAT
    if shape is not None:
        output.CopyFrom(onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, shape))
    context.set_output_type(0, output)


def _shape(type_proto: onnx.TypeProto | None) -> Shape | None:
    if type_proto is None or not type_proto.tensor_type.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in type_proto.tensor_type.shape.dim
    )
