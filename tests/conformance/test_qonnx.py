"""Answers of the reference executor of QONNX: fixtures that generators/qonnx_*.py wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

import bnn_engine
from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.ops import DOMAIN
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


OPS_OF_QONNX = ["BipolarQuant", "IntQuant", "MultiThreshold", "Trunc", "XnorPopcountMatMul"]
DOMAINS = ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", ""]


def model_of(use: Use, variant: int) -> onnx.ModelProto:
    """A model of one node, its first input that of the graph, under one of the domains.

    Some variants import the domain, one calls IntQuant by its earlier name.
    """
    domain = DOMAINS[variant % 4]
    op = "Quant" if use.op == "IntQuant" and variant % 2 else use.op
    names = ["x", *(f"c{position}" for position in range(1, len(use.inputs)))]
    node = helper.make_node(op, names, ["y"], domain=domain, **use.attributes)
    shape = use.inputs[0].shape
    graph = helper.make_graph(
        [node],
        "use",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a, n) for a, n in zip(use.inputs, names, strict=True)][1:],
    )
    imports = [helper.make_opsetid("", 20)]
    if domain and variant % 8 < 4:
        imports.append(helper.make_opsetid(domain, 2 if len(use.inputs) == 6 else 1))
    return helper.make_model(graph, opset_imports=imports)


@pytest.mark.parametrize("op", OPS_OF_QONNX)
def test_ops_give_the_answers_of_the_executor(op: str, tmp_path: Path) -> None:
    found = [use for use in uses() if use.op == op]
    assert found
    path = tmp_path / "saved.onnx"
    for index, use in enumerate(found):
        model, x = model_of(use, index), use.inputs[0]
        answers = {}
        graph = import_model(model)
        assert {node.domain for node in graph.nodes} == {DOMAIN}
        answers["reference"] = evaluate(graph, {"x": x})["y"]
        (answers["body"],) = run_onnxruntime(to_model(graph), {"x": x})
        engine = bnn_engine.load(model)
        answers["engine"] = engine.run({"x": x})["y"]
        engine.save(path)
        (answers["saved"],) = run_onnxruntime(onnx.load(path), {"x": x})
        answers["reloaded"] = bnn_engine.load(path).run({"x": x})["y"]
        for name, answer in answers.items():
            assert answer.dtype == np.float32
            message = f"{name} of use {index}: {use.op} {use.attributes} {use.inputs[1:]}"
            np.testing.assert_array_equal(answer, use.answer, err_msg=message)
