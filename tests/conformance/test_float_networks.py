"""The seed's float networks, as PyTorch's exporters write them, against ONNX Runtime."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.conformance import recipes
from tests.support import ort
from tests.support.nodes import check_node, single_nodes, tensors_to_tap

FOLDER = Path(__file__).parent / "fixtures" / "float"
NAMES = sorted(path.name.removesuffix(".onnx.xz") for path in FOLDER.glob("*.xz"))
OTHER_TYPES = [name for name in NAMES if name.endswith((".float16", ".bfloat16", ".double"))]
FLOAT = [name for name in NAMES if name not in OTHER_TYPES]

Array = NDArray[Any]


@cache
def network(name: str) -> onnx.ModelProto:
    return recipes.read(FOLDER / f"{name}.onnx.xz")


def images(name: str, rows: int = 3) -> Array:
    info = network(name).graph.input[0].type.tensor_type
    shape = (rows, *(dim.dim_value for dim in info.shape.dim[1:]))
    x = np.random.default_rng(0).normal(size=shape)
    return x.astype(onnx.helper.tensor_dtype_to_np_dtype(info.elem_type))


def test_every_network_comes_from_both_exporters() -> None:
    forms = {(name.partition(".")[0], "dynamo" in name) for name in FLOAT}
    networks = ["alexnet", "alexnet_paper", "vgg16", "vgg16_cifar", "vgg16_separable"]
    networks += ["resnet18", "resnet50", "fire", "mlp", "cnn"]
    assert forms == {(network, dynamo) for network in networks for dynamo in (False, True)}


@pytest.mark.parametrize("name", FLOAT)
def test_runs_natively_as_onnx_runtime_does(name: str) -> None:
    x = images(name)
    engine = bnn_engine.load(network(name), fallback="error")
    layers = engine.summary().layers
    assert {layer.executor for layer in layers} == {"native"}
    assert sum(bool(layer.float_macs) for layer in layers) == num_layers(name)
    assert all(layer.reason for layer in layers if layer.float_macs)
    wanted = ort.run(network(name), {"input": x})["output"]
    got = engine.predict(x)
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()
    np.testing.assert_array_equal(got.argmax(1), wanted.argmax(1))
    np.testing.assert_array_equal(engine.predict(x[1:2]), got[1:2])


def num_layers(name: str) -> int:
    (entry,) = (entry for entry in network(name).metadata_props if entry.key == "layers")
    layers: dict[str, int] = json.loads(entry.value)
    return layers["float"]


@pytest.mark.parametrize("name", FLOAT)
def test_node_by_node(name: str) -> None:
    model, x = network(name), images(name)
    names = tensors_to_tap(model)
    got = bnn_engine.load(ort.with_outputs(model, names)).run({"input": x})
    checked = 0
    for node, operands in single_nodes(model, {"input": x, **got}):
        check_node(node, operands, got[node.output[0]], model.opset_import)
        checked += 1
    assert checked >= num_layers(name)
    np.testing.assert_array_equal(bnn_engine.load(model).predict(x), got["output"])


@pytest.mark.parametrize("name", OTHER_TYPES)
def test_other_element_types(name: str) -> None:
    """ONNX Runtime lacks most of these kernels; the same network in float32 is the measure.

    Each number is rounded to the type's precision, in a dozen layers: a bound on the network as a
    whole, from the precision and not from the sums.
    """
    x = images(name)
    engine = bnn_engine.load(network(name))
    if not name.endswith(".double"):
        assert {layer.executor for layer in engine.summary().layers} == {"native"}
    got = engine.predict(x)
    assert got.dtype == x.dtype
    single = name.partition(".")[0] + ".dynamo"
    wanted = ort.run(network(single), {"input": x.astype(np.float32)})["output"]
    precision = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "double": 2.0**-24}
    limit = 16 * precision[name.rpartition(".")[2]] * np.abs(wanted).max()
    assert np.abs(got.astype(np.float64) - wanted).max() <= limit
