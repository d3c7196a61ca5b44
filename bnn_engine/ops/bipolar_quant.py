"""BipolarQuant of QONNX: ±scale by the sign, where zero counts as positive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnn_engine.ops.broadcasting import broadcast_shapes
from bnn_engine.ops.definition import Array, Attributes, OpDefinition, Shape

__all__ = ["BIPOLAR_QUANT"]


def _reference(inputs: Sequence[Array], attributes: Attributes) -> Array:
    del attributes
    x, scale = inputs
    with np.errstate(all="ignore"):
        return np.asarray(np.where(x >= 0, np.float32(1), np.float32(-1)) * scale, np.float32)


def _infer(shapes: Sequence[Shape | None], attributes: Attributes) -> Shape | None:
    del attributes
    return broadcast_shapes(shapes)


BIPOLAR_QUANT = OpDefinition(
    name="BipolarQuant",
    doc="y = scale where x >= 0, else -scale, NaN included; as BipolarQuant of "
    "qonnx.custom_op.general defines it.",
    inputs=(("x", "float"), ("scale", "float")),
    attributes={},
    body="""
        zero = Constant <value = float {0}> ()
        plus = Constant <value = float {1}> ()
        minus = Constant <value = float {-1}> ()
        positive = GreaterOrEqual (x, zero)
        bipolar = Where (positive, plus, minus)
        y = Mul (bipolar, scale)
    """,
    reference=_reference,
    infer=_infer,
)
