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
from tests.support.sample_models import sample_io, sample_models

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


NETWORKS = sorted(path.stem for path in FOLDER.glob("*.onnx"))


@cache
def network_io() -> dict[str, NDArray[Any]]:
    with np.load(FOLDER / "networks.npz") as stored:
        return dict(stored)


def kinds(name: str) -> list[str]:
    """Arithmetic of the layers: the first one of images reads 8-bit numbers."""
    if name.startswith("four_bits"):
        return ["float", "W4A4", "W2A2", "W3A3", "float"]
    form, bits, *_ = name.split("_")
    kind = f"W{bits[0]}A{bits[2]}"  # of 1w2a
    first = "W1A32" if bits.startswith("1w") else "float"
    return [kind] * 3 if form == "fc" else [first, *[kind] * 8]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_give_the_answers_of_the_executor(name: str, tmp_path: Path) -> None:
    pixels = network_io()[f"{name}.x"].astype(np.float32) / np.float32(255)
    expected = network_io()[f"{name}.y"]
    engine = bnn_engine.load(FOLDER / f"{name}.onnx")
    answer = engine.predict(pixels)  # any number of rows, though most files are for one
    if name.startswith("four_bits"):  # scales that are no powers of two
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    else:
        np.testing.assert_array_equal(answer, expected)
    np.testing.assert_array_equal(engine.predict(pixels[:1]), answer[:1])
    layers = engine.summary().layers
    assert [x.kind for x in layers if x.binary_macs or x.float_macs] == kinds(name)
    assert {layer.executor for layer in layers} == {"native"}

    path = tmp_path / "saved.onnx"
    engine.save(path)
    np.testing.assert_array_equal(bnn_engine.load(path).predict(pixels), answer)
    (saved,) = run_onnxruntime(onnx.load(path), {engine.inputs[0].name: pixels})
    np.testing.assert_allclose(saved, answer, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_any_tensor_of_a_network_can_be_asked_for() -> None:
    path = FOLDER / "fc_1w2a_dynamo.onnx"
    names = [node.output[0] for node in onnx.load(path).graph.node]
    pixels = network_io()["fc_1w2a_dynamo.x"].astype(np.float32) / np.float32(255)
    engine = bnn_engine.load(path)
    found = engine.run({engine.inputs[0].name: pixels}, outputs=names)
    assert list(found) == names
    np.testing.assert_array_equal(found[names[-1]], engine.predict(pixels))
    codes = next(found[name] for name in names if name.startswith("_symbolic"))
    assert set(np.unique(codes)) == {-1, 0, 1}


def test_sample_networks() -> None:
    for path in sample_models("qonnx"):
        x, expected = sample_io(path)
        answer = bnn_engine.load(path).predict(x)
        np.testing.assert_array_equal(answer, expected, err_msg=path.stem)
