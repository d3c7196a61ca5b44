import numpy as np
import pytest

from bnn_engine.passes import run_passes
from bnn_engine.passes.binarize import BinarizeComparisons
from bnn_engine.passes.facts import channel_vector, describe, is_bipolar, uniform_value
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
    run_passes(graph, [BinarizeComparisons()])
    assert is_bipolar(graph.outputs[0]) is expected


def test_descriptions() -> None:
    graph = graph_from_text("g (float[N] x) => (float[N] y) { y = Add(x, c) }", {"c": ONE})
    values = graph.values()
    assert describe(values["x"]) == "graph input 'x'"
    assert describe(values["c"]) == "constant 'c'"
    assert describe(values["y"]) == "comes from Add 'y'"
