"""The ONNX domain ``bnn_engine``, version 1: the ops that binary parts of a network consist of.

Each op is defined once (:class:`~bnn_engine.ops.definition.OpDefinition`): schema with shape
inference, NumPy reference, and a function body in standard ONNX ops.
"""

from bnn_engine.ops.definition import DOMAIN, DOMAIN_VERSION, OpDefinition
from bnn_engine.ops.packing import pack_signs, packed_bytes, unpack_signs
from bnn_engine.ops.registry import OPS, functions, register_schemas

__all__ = [
    "DOMAIN",
    "DOMAIN_VERSION",
    "OPS",
    "OpDefinition",
    "functions",
    "pack_signs",
    "packed_bytes",
    "register_schemas",
    "unpack_signs",
]
