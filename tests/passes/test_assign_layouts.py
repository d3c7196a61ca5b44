"""Transposes disappear between channels-first layers, and never become more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bnn_engine.graph.protobuf import to_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.assign_layouts import AssignLayouts
from bnn_engine.passes.layout_rules import composed, inverse
from tests.support.onnx_models import graph_from_text, model_from_text, op_types, run_onnxruntime

Array = NDArray[Any]

RANDOM = np.random.default_rng(0)
CONSTANTS: dict[str, Array] = {
    "w": RANDOM.normal(size=(6, 6, 3, 3)).astype(np.float32),
    "c": RANDOM.normal(size=6).astype(np.float32),
    "hc": RANDOM.normal(size=(8, 1, 6)).astype(np.float32),
    "half": np.array(0.5, np.float32),
    "one": np.array(1, np.float32),
    "pads": np.array([0, 1, 2, 0, 0, 1, 0, 0]),
    "pads_hw": np.array([1, 2, 0, 1]),
    "hw": np.array([1, 2]),
    "last": np.array([-1]),
    "starts": np.array([1, 0]),
    "ends": np.array([7, 100]),
    "steps": np.array([2, 1]),
    "repeats": np.array([1, 2, 1, 3]),
    "shape": np.array([1, 8, 7, 6]),
    "halves": np.array([4, 4]),
    "m": np.eye(6, dtype=np.float32),
    "one_axis": np.array([1]),
}
NHWC, NCHW = "Transpose<perm=[0, 2, 3, 1]>", "Transpose<perm=[0, 3, 1, 2]>"


def transposes(text: str, most: int, outputs: str = "float[] y") -> list[str]:
    """Run the pass on ``text`` with an NCHW input x; answers must stay.

    Returns:
        Op types afterwards.
    """
    text = f"g (float[N, 6, 8, 7] x) => ({outputs}) {{ {text} }}"
    model = model_from_text(text, CONSTANTS)
    graph = graph_from_text(text, CONSTANTS)
    before = op_types(graph).count("Transpose")
    run_passes(graph, [AssignLayouts()])
    left = op_types(graph).count("Transpose")
    assert left <= min(before, most)
    x = {"x": RANDOM.normal(size=(2, 6, 8, 7)).astype(np.float32)}
    if "shape" in text:
        x = {"x": x["x"][:1]}
    wanted = run_onnxruntime(model, x)
    for got, array in zip(run_onnxruntime(to_model(graph), x), wanted, strict=True):
        np.testing.assert_allclose(got, array, rtol=1e-6, atol=1e-6)
    assert [value.name for value in graph.outputs] == [o.name for o in model.graph.output]
    return op_types(graph)


@pytest.mark.parametrize(
    "body",
    [
        "b = Sign(a)",
        "b = Add(a, c)",
        "b = Mul(hc, a)",
        "b = PRelu(a, c)",
        "b = Clip(a, half)",
        "b = Pad(a, pads, one)",
        'b = Pad<mode="reflect">(a, pads_hw, , hw)',
        "b = Concat<axis=3>(a, a)",
        "b = Concat<axis=-2>(a, a)",
        "b = Softmax<axis=-1>(a)",
        "b = ReduceMean(a, hw)",
        "b = ReduceMax<keepdims=1>(a, last)",
        "b = ReduceSum(a)",
        "b = Slice(a, starts, ends, hw, steps)",
        "b = Slice(a, starts, ends)",
        "b = Tile(a, repeats)",
        "b = Expand(a, shape)",
        "s1, s2 = Split<axis=1>(a, halves)  b = Sub(s1, s2)",
        "l = Less(a, half)  n = Neg(a)  b = Where(l, a, n)",
        "u = Sign(a)  v = Abs(a)  b = Mul(u, v)",
        "q = QuantizeLinear(a, half)  b = DequantizeLinear(q, half)",
    ],
)
def test_through(body: str) -> None:
    assert "Transpose" not in transposes(f"a = {NHWC}(x)  {body}  y = {NCHW}(b)", 0)


@pytest.mark.parametrize(
    ("body", "most"),
    [
        (f"a = {NHWC}(x)  y = {NCHW}(a)", 0),
        (f"a = {NHWC}(x)  y = {NHWC}(a)", 1),
        ("a = Transpose(x)  b = Transpose(a)  y = Neg(b)", 0),
        # both readers of one permuted tensor
        (f"a = {NHWC}(x)  b = Sign(a)  d = {NCHW}(b)  e = {NCHW}(a)  y = Add(d, e)", 0),
        # a residual kept channels last on the way
        (
            f"a = Conv<pads=[1,1,1,1]>(x, w)  b = {NHWC}(a)  d = Relu(b)  e = {NCHW}(d)"
            f"  f = Conv<pads=[1,1,1,1]>(e, w)  h = {NHWC}(f)  i = Add(h, d)  y = {NCHW}(i)",
            0,
        ),
        # dropped axes
        (f"a = {NHWC}(x)  y = ReduceMean<keepdims=0>(a, hw)", 0),
        (f"p = GlobalAveragePool(x)  a = {NHWC}(p)  y = Squeeze(a, hw)", 0),
        (f"a = {NHWC}(x)  y = ReduceMean<keepdims=0>(a, last)", 0),
        (f"a = {NHWC}(x)  y = ReduceMax<keepdims=0>(a, one_axis)", 1),
        # what takes no permuted tensor
        (f"a = {NHWC}(x)  y = Flatten(a)", 1),
        (f"a = {NHWC}(x)  b = MatMul(a, m)  y = {NCHW}(b)", 2),
        # one of two outputs
        (f"a = {NHWC}(x)  b = Sign(a)  y = {NCHW}(b)", 1),
    ],
)
def test_what_is_left(body: str, most: int) -> None:
    transposes(body, most)


def test_outputs_keep_names_and_order() -> None:
    ops = transposes(
        f"a = {NHWC}(x)  b = Sign(a)  y = {NCHW}(b)  z = Neg(a)", 1, "float[] y, float[] z"
    )
    assert ops.count("Transpose") == 1


def test_transposes_leave_channels_first_layers_where_their_number_stays() -> None:
    text = f"g (float[N, 8, 7, 6] x) => (float[] y) {{ a = Sign(x) b = {NCHW}(a) y = Conv(b, w) }}"
    graph = graph_from_text(text, CONSTANTS)
    run_passes(graph, [AssignLayouts()])
    assert op_types(graph) == ["Transpose", "Sign", "Conv"]
    assert graph.nodes[0].inputs[0] is graph.inputs[0]


def test_graphs_without_transposes_stay() -> None:
    text = "g (float[N, 6] x) => (float[] y) { a = Sign(x) y = Neg(a) }"
    graph = graph_from_text(text)
    nodes = list(graph.nodes)
    run_passes(graph, [AssignLayouts()])
    assert graph.nodes == nodes


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_orders(first: list[int], second: list[int]) -> None:
    x = np.empty((2, 3, 4, 5, 6))
    one, two = tuple(first), tuple(second)
    assert x.transpose(one).transpose(two).shape == x.transpose(composed(one, two)).shape
    assert x.transpose(one).transpose(inverse(one)).shape == x.shape


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=24))
@settings(max_examples=60, deadline=None)
def test_random_graphs(choices: list[int]) -> None:
    """Element-wise ops, concatenations and Transposes of any order between equal extents."""
    nodes, names = [], ["x"]
    for place, choice in enumerate(choices):
        name, first = f"t{place}", names[choice % len(names)]
        second = names[choice // 7 % len(names)]
        order = [int(axis) for axis in np.random.default_rng(choice).permutation(3)]
        kind = choice % 5
        if kind < 2:
            nodes.append(f"{name} = Transpose<perm={order}>({first})")
        elif kind == 2:
            nodes.append(f"{name} = Add({first}, {second})")
        elif kind == 3:
            nodes.append(f"{name} = Mul({first}, v)")
        else:
            nodes.append(f"{name} = Softmax<axis={choice % 3}>({first})")
        names.append(name)
    outputs = ", ".join(f"float[] {name}" for name in names[-2:])
    text = f"g (float[4, 4, 4] x) => ({outputs}) {{ {' '.join(nodes)} }}"
    constants = {"v": np.linspace(1, 2, 4, dtype=np.float32)}
    model, graph = model_from_text(text, constants), graph_from_text(text, constants)
    graph.remove_dead_nodes()
    before = op_types(graph).count("Transpose")
    run_passes(graph, [AssignLayouts()])
    assert op_types(graph).count("Transpose") <= before
    x = {"x": np.random.default_rng(0).normal(size=(4, 4, 4)).astype(np.float32)}
    wanted = run_onnxruntime(model, x)
    for got, array in zip(run_onnxruntime(to_model(graph), x), wanted, strict=True):
        np.testing.assert_allclose(got, array, rtol=1e-5)


def test_networks_of_tf2onnx_keep_transposes_at_their_ends_only() -> None:
    """Signs and pads are channels last, convolutions and BatchNormalization channels first."""
    random = np.random.default_rng(3)
    blocks, constants, last = [], {}, "x"
    for block in range(3):
        b = f"b{block}"
        blocks.append(
            f"""{b}s = Sign({last})  {b}p = Pad({b}s, frame, one)  {b}t = {NCHW}({b}p)
            {b}c = Conv({b}t, {b}w)  {b}n = BatchNormalization({b}c, {b}g, {b}g, {b}g, {b}v)
            {b}o = {NHWC}({b}n)  {b}y = Add({b}o, {last})"""
        )
        constants[f"{b}w"] = random.choice(np.array([-1, 1], np.float32), (64, 64, 3, 3))
        constants[f"{b}g"] = random.normal(size=64).astype(np.float32)
        constants[f"{b}v"] = np.abs(random.normal(size=64)).astype(np.float32)
        last = f"{b}y"
    constants["frame"] = np.array([0, 1, 1, 0, 0, 1, 1, 0])
    constants["one"] = np.array(1, np.float32)
    text = f"g (float[N, 6, 6, 64] x) => (float[] y) {{ {' '.join(blocks)} y = Relu({last}) }}"
    graph = graph_from_text(text, constants)
    run_passes(graph)
    ops = op_types(graph)
    assert ops.count("Transpose") == 2
    assert ops.count("BinaryConv") == 3
    for node in graph.nodes:
        if node.op_type == "Transpose":
            assert node.inputs[0] is graph.inputs[0] or node.output is graph.outputs[0]
    x = {"x": random.normal(size=(2, 6, 6, 64)).astype(np.float32)}
    (wanted,) = run_onnxruntime(model_from_text(text, constants), x)
    (got,) = run_onnxruntime(to_model(graph), x)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
