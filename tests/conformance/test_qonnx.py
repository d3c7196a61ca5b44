"""Answers of the reference executor of QONNX: fixtures that generators/qonnx_*.py wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnn_engine.graph import Graph, Node
from bnn_engine.graph.protobuf import to_model
from bnn_engine.ops import DOMAIN, OPS
from tests.support.onnx_models import run_onnxruntime

FOLDER = Path(__file__).parent / "fixtures" / "qonnx"

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Use:
    """One op on arrays, and the executor's answer."""

    op: str
    attributes: dict[str, Any]
    inputs: list[Array]
    answer: Array


@cache
def uses() -> list[Use]:
    with np.load(FOLDER / "ops.npz") as stored:
        cases, numbers = json.loads(stored["cases"].tobytes()), stored["numbers"]
    found, position = [], 0
    for case in cases:
        arrays = []
        for shape in case["shapes"]:
            count = int(np.prod(shape))
            arrays.append(numbers[position : position + count].reshape(shape))
            position += count
        found.append(Use(case["op"], case["attributes"], arrays[:-1], arrays[-1]))
    assert position == len(numbers)
    return found
