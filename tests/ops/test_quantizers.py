"""The ops of QONNX and FINN: their shapes, wrong uses, and bodies for dynamic operands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnn_engine.ops import OPS
from tests.support.domain_ops import check_op, op_case

FLOAT = np.dtype(np.float32)
INT_QUANT = {"narrow": 0, "rounding_mode": "ROUND", "signed": 1}
TRUNC = {"rounding_mode": "FLOOR"}
THRESHOLDS = {"axis": 1, "out_bias": 0.0, "out_scale": 1.0}


def _f(*values: float) -> np.ndarray:
    return np.asarray(values, np.float32)


@pytest.mark.parametrize("opset", [21, 22])
def test_bodies_follow_any_opset(opset: int) -> None:
    x = np.arange(-6, 6, dtype=np.float32).reshape(2, 6) / 2
    constants = [np.float32(0.5), np.float32(0), np.float32(3)]
    check_op(op_case("IntQuant", INT_QUANT, x, *map(np.asarray, constants), opset=opset), x)
    check_op(op_case("MultiThreshold", THRESHOLDS, x, _f(0, 1).reshape(1, 2), opset=opset), x)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_the_bit_width_is_one_number_of_any_rank(shape: tuple[int, ...]) -> None:
    x = np.arange(-6, 6, dtype=np.float32)
    check_op(op_case("IntQuant", INT_QUANT, x, _f(1), _f(0), np.full(shape, 3, np.float32)), x)


def test_operands_of_more_axes_enlarge_the_answer() -> None:
    shapes = [("N", 3), (1, 1, 3), (), ()]
    assert OPS["IntQuant"].infer(shapes, INT_QUANT) == (1, "N", 3)
    assert OPS["BipolarQuant"].infer([("N", 1), (4,)], {}) == ("N", 4)
    assert OPS["BipolarQuant"].infer([("N",), ("M",)], {}) == (None,)
    assert OPS["BipolarQuant"].infer([None, (4,)], {}) is None


def test_products_of_batches() -> None:
    infer = OPS["XnorPopcountMatMul"].infer
    assert infer([("N", 3, 5), (5, 4)], {}) == ("N", 3, 4)
    assert infer([(1, 3, 5), ("N", 5, 4)], {}) == ("N", 3, 4)


@pytest.mark.parametrize(
    ("op_type", "shapes", "attributes", "message"),
    [
        ("IntQuant", [("N",), (), (), ()], INT_QUANT, None),
        ("IntQuant", [("N",), (), ()], INT_QUANT, "3 inputs instead of 4"),
        ("IntQuant", [("N", 3), (4,), (), ()], INT_QUANT, "do not fit together"),
        ("IntQuant", [("N", 3), (), (), (3,)], INT_QUANT, "not a single element"),
        ("IntQuant", [("N",), (), (), ()], {**INT_QUANT, "signed": 2}, "signed is 2"),
        ("IntQuant", [("N",), (), (), ()], {**INT_QUANT, "rounding_mode": 1}, "no string"),
        ("IntQuant", [("N",), (), (), ()], {**INT_QUANT, "rounding_mode": "UPSET"}, "'UPSET'"),
        ("TruncV1", [("N", 3), (2,), (), (), ()], TRUNC, "do not fit together"),
        ("TruncV2", [("N", 3), (), (), (), (), (3,)], INT_QUANT, "not a single element"),
        ("MultiThreshold", [("N", 3), (1, 7)], THRESHOLDS, None),
        ("MultiThreshold", [("N", 3), (3, 7)], THRESHOLDS, None),
        ("MultiThreshold", [("N", 3), (2, 7)], THRESHOLDS, "for 2 channels"),
        ("MultiThreshold", [("N", 4, 3), (3, 7)], {**THRESHOLDS, "axis": 0}, None),
        ("MultiThreshold", [("N", 3, 4), (3, 7)], {**THRESHOLDS, "axis": 0}, "the input has 4"),
        ("MultiThreshold", [("N",), (1, 7)], THRESHOLDS, "no channels"),
        ("MultiThreshold", [("N", 3), (3, 0)], THRESHOLDS, "there are none"),
        ("MultiThreshold", [("N", 3), (7,)], THRESHOLDS, "instead of [channels, levels]"),
        ("MultiThreshold", [("N", 3), (1, 7)], {**THRESHOLDS, "axis": -1}, "axis is -1"),
        ("XnorPopcountMatMul", [("N", 3), (4, 2)], {}, "has 3 elements"),
        ("XnorPopcountMatMul", [("N", 3), (3,)], {}, "no matrices"),
    ],
)
def test_wrong_uses_are_named(
    op_type: str, shapes: Any, attributes: dict[str, Any], message: str | None
) -> None:
    problem = OPS[op_type].problem([FLOAT] * len(shapes), shapes, attributes)
    assert (problem is None) if message is None else message in (problem or "")
