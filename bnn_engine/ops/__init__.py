"""The ONNX domain ``bnn_engine``, version 1: the ops that binary parts of a network consist of.

Each op is defined once (:class:`~bnn_engine.ops.definition.OpDefinition`): schema with shape
inference, NumPy reference, and a function body in standard ONNX ops.
"""

from bnn_engine.ops.definition import DOMAIN, DOMAIN_VERSION, OpDefinition
from bnn_engine.ops.packing import pack_signs, packed_bytes, unpack_signs
from bnn_engine.ops.registry import OPS, functions, register_schemas
from bnn_engine.ops.unpack_levels import code_attributes, code_of
from bnn_engine.ops.weight_code import WeightCode, choose_code, pack_levels, unpack_levels

__all__ = [
    "DOMAIN",
    "DOMAIN_VERSION",
    "OPS",
    "OpDefinition",
    "WeightCode",
    "choose_code",
    "code_attributes",
    "code_of",
    "functions",
    "pack_levels",
    "pack_signs",
    "packed_bytes",
    "register_schemas",
    "unpack_levels",
    "unpack_signs",
]
