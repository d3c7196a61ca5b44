"""XnorPopcountMatMul of FINN: a product of bits that counts where they are equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.broadcasting import broadcast_shapes
from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["XNOR_POPCOUNT_MATMUL"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    del attributes
    a, b = (2 * operand.astype(np.float64) - 1 for operand in inputs)
    # float64 keeps the sums of ±1 exact.
    with np.errstate(all="ignore"):
        return np.asarray((np.matmul(a, b) + a.shape[-1]) / 2, np.float32)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    del attributes
    a, b = shapes
    if a is None or b is None:
        return None
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"inputs have ranks {len(a)} and {len(b)}, which are no matrices")
    if isinstance(a[-1], int) and isinstance(b[-2], int) and a[-1] != b[-2]:
        raise ValueError(f"a row of a has {a[-1]} elements, a column of b has {b[-2]}")
    batch = broadcast_shapes([a[:-2], b[:-2]])
    assert batch is not None
    return (*batch, a[-2], b[-1])


XNOR_POPCOUNT_MATMUL = OpDefinition(
    name="XnorPopcountMatMul",
    doc="y = (K + (2a - 1) @ (2b - 1)) / 2 for a [..., M, K] and b [..., K, N] of 0 and 1: the "
    "number of equal bits; as XnorPopcountMatMul of qonnx.custom_op.general defines it.",
    inputs=(("a", "float"), ("b", "float")),
    attributes={},
    body="""
        half = Constant <value = float {0.5}> ()
        one = Constant <value = float {1}> ()
        two = Constant <value = float {2}> ()
        a_doubled = Mul (a, two)
        a_bipolar = Sub (a_doubled, one)
        b_doubled = Mul (b, two)
        b_bipolar = Sub (b_doubled, one)
        dot = MatMul (a_bipolar, b_bipolar)
        length = Shape <start = -1> (a)
        length_float = Cast <to = 1> (length)
        doubled = Add (dot, length_float)
        y = Mul (doubled, half)
    """,
    reference=_reference,
    infer=_infer,
)
