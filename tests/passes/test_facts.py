import numpy as np
import pytest

from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.facts import (
    channel_vector,
    describe,
    is_bipolar,
    is_ternary,
    possible_values,
    uniform_value,
)
from bnn_engine.passes.quantize_node import quantize_node
from tests.support.onnx_models import graph_from_text

ONE = np.ones((), np.float32)


@pytest.mark.parametrize(
    ("array", "shape", "expected"),
    [
        (np.arange(3.0), ("N", 3), [0, 1, 2]),
        (np.arange(3.0).reshape(3, 1, 1), ("N", 3, 5, 5), [0, 1, 2]),
        (np.arange(3.0).reshape(1, 3, 1), ("N", 3, 5), [0, 1, 2]),
        (np.array(4.0), ("N", 3), [4]),
        (np.array(4.0), None, [4]),
        (np.full((1, 1), 4.0), ("N", 3), [4]),
        (np.full((1,), 4.0), (), None),
        (np.full((1, 1, 1), 4.0), ("N", 3), None),
        (np.arange(3.0), ("N", 3, 5), None),
        (np.arange(3.0), ("N", 1), None),
        (np.arange(3.0), ("N", "C"), None),
        (np.arange(3.0), (3,), None),
        (np.arange(3.0).reshape(3, 1), ("N", 3), None),
        (np.arange(6.0).reshape(3, 2), ("N", 3, 2), None),
        (None, ("N", 3), None),
    ],
)
def test_channel_vector(array: object, shape: object, expected: object) -> None:
    found = channel_vector(array, shape)  # type: ignore[arg-type]
    assert (None if found is None else found.tolist()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("v = Neg(c)", -1.0),
        ("s = Shape(x)  v = Expand(c, s)", 1.0),
        ("s = Shape(x)  v = ConstantOfShape(s)", 0.0),
        ("s = Shape(x)  e = ConstantOfShape<value = float[1] {2.0}>(s)  v = Neg(e)", -2.0),
        ("s = Shape(x)  e = Expand(c, s)  n = Neg(e)  v = Neg(n)", 1.0),
        ("v = Identity(mixed)", None),
        ("v = Abs(c)", None),
        ("v = Neg(x)", None),
    ],
)
def test_uniform_value(body: str, expected: float | None) -> None:
    graph = graph_from_text(
        f"g (float[N, 2] x) => (float[A, B] y) {{ {body}  y = Identity(v) }}",
        {"c": ONE, "mixed": np.array([1, 2], np.float32)},
    )
    assert uniform_value(graph.outputs[0]) == expected


SIGN = "p = Greater(x, zero)  s = Where(p, one, minus)"
POOL = "MaxPool<kernel_shape = [2, 2], strides = [2, 2]"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Identity(s)", True),
        ("y = Neg(s)", True),
        ("y = Flatten(s)", True),
        ("t = Transpose(s)  y = Reshape(t, flat)", True),
        ("n = Neg(s)  y = Concat<axis = 1>(s, n)", True),
        ("y = Concat<axis = 1>(s, x)", False),
        ("y = Concat<axis = 0>(s, minus4)", True),
        (f"y = {POOL}>(s)", True),
        (f"y = {POOL}, pads = [1, 1, 1, 1]>(s)", True),
        (f"y = {POOL}, pads = [0, 0, 1, 1], ceil_mode = 1>(s)", False),
        ("y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(s)", True),
        ("y = MaxPool<kernel_shape = [2, 2], pads = [1, 1, 1, 1], dilations = [9, 9]>(s)", False),
        ('y = MaxPool<kernel_shape = [2, 2], auto_pad = "SAME_UPPER">(s)', False),
        ("y = AveragePool<kernel_shape = [2, 2]>(s)", False),
        ("y = Relu(s)", False),
        ("y = Pad(s, pads)", False),
        ("y = Add(s, s)", False),
    ],
)
def test_is_bipolar(body: str, expected: bool) -> None:
    graph = graph_from_text(
        f"g (float[1, 3, 8, 8] x) => (float[A] y) {{ {SIGN}  {body} }}",
        {
            "zero": 0 * ONE,
            "one": ONE,
            "minus": -ONE,
            "minus4": -np.ones((1, 3, 8, 8), np.float32),
            "flat": np.array([1, -1]),
            "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        },
    )
    run_passes(graph, [RecogniseActivations()])
    assert is_bipolar(graph.outputs[0]) is expected


def test_descriptions() -> None:
    graph = graph_from_text("g (float[N] x) => (float[N] y) { y = Add(x, c) }", {"c": ONE})
    values = graph.values()
    assert describe(values["x"]) == "graph input 'x'"
    assert describe(values["c"]) == "constant 'c'"
    assert describe(values["y"]) == "comes from Add 'y'"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Identity(q)", [-0.5, 0, 0.5, 1]),
        ("y = Neg(q)", [-1, -0.5, 0, 0.5]),
        ("y = Relu(q)", [0, 0.5, 1]),
        ("y = Sign(q)", [-1, 0, 1]),
        ("r = Relu(q)  y = Sign(r)", [0, 1]),
        ("y = Sign(x)", [-1, 0, 1]),
        ("r = Relu(x)  y = Sign(r)", [0, 1]),
        ("y = Relu(x)", None),
        ("y = Pad(q, pads, three)", [-0.5, 0, 0.5, 1, 3]),
        ("s = Sign(x)  y = Concat<axis = 1>(q, s)", [-1, -0.5, 0, 0.5, 1]),
        ("y = Concat<axis = 1>(q, x)", None),
        (f"y = {POOL}>(q)", [-0.5, 0, 0.5, 1]),
        (f"p = {POOL}>(q)  f = Flatten(p)  y = Neg(f)", [-1, -0.5, 0, 0.5]),
        ("y = Mul(q, three)", [-1.5, 0, 1.5, 3]),
        ("y = Sub(three, q)", [2, 2.5, 3, 3.5]),
        ("d = Div(q, three)  y = Mul(d, zero)", [0]),
        ("y = Div(q, zero)", None),
        ("y = Mul(q, channels)", None),
        ("y = Mul(q, q)", None),
        ("y = Identity(small)", [0, 1, 2]),
        ("y = Identity(large)", None),
        ("y = Identity(infinite)", None),
        ("y = Tanh(q)", None),
    ],
)
def test_possible_values(body: str, expected: list[float] | None) -> None:
    graph = graph_from_text(
        f"g (float[1, 3, 8, 8] x) => (float[A] y) {{ q = Relu(x)  {body} }}",
        {
            "zero": 0 * ONE,
            "three": 3 * ONE,
            "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
            "channels": np.arange(3, dtype=np.float32).reshape(3, 1, 1),
            "small": np.array([[2, -0.0, 1, 1]], np.float32),
            "large": np.arange(17, dtype=np.float32),
            "infinite": np.array([1, np.inf], np.float32),
        },
    )
    levels = np.array([[0], [1], [2]], np.float32)
    relu = graph.nodes[0]
    quantize = quantize_node(
        graph, graph.inputs[0], levels, levels * 0 + 9, [-0.5, -0.0, 0.5, 1], relu.outputs, "q"
    )
    graph.replace_node(relu, [quantize])
    found = possible_values(graph.outputs[0])
    assert (None if found is None else found.tolist()) == expected
    assert found is None or not np.signbit(found[found == 0]).any()


def test_sets_of_possible_values() -> None:
    graph = graph_from_text("g (float[N] x) => (float[N] y) { y = Sign(x) }")
    assert is_ternary(graph.outputs[0])
    assert not is_bipolar(graph.outputs[0])


def test_shared_branches_are_visited_once() -> None:
    body = "s0 = Sign(x)" + "".join(f"  s{i + 1} = Concat<axis = 0>(s{i}, s{i})" for i in range(60))
    graph = graph_from_text(f"g (float[N] x) => (float[M] y) {{ {body}  y = Neg(s60) }}")
    assert is_ternary(graph.outputs[0])
