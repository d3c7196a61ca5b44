"""What is proven holds: a batch equals its rows. What mixes rows is never accepted."""

import numpy as np
import pytest

from bnn_engine.graph.protobuf import to_model
from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes import PACKED_PASSES, PASSES, run_passes
from bnn_engine.passes.batch_axis import BatchAxis
from bnn_engine.passes.resolve_shapes import ResolveShapes
from tests.support.onnx_models import Array, graph_from_text
from tests.support.seed_networks import binary_cnn

RNG = np.random.default_rng(0)
CONSTANTS: dict[str, Array] = {
    "c4": RNG.normal(size=4).astype(np.float32),
    "c14": RNG.normal(size=(1, 4)).astype(np.float32),
    "c24": RNG.normal(size=(2, 4)).astype(np.float32),
    "c44": RNG.normal(size=(4, 4)).astype(np.float32),
    "c1144": RNG.normal(size=(1, 1, 4, 4)).astype(np.float32),
    "c3411": RNG.normal(size=(3, 4, 1, 1)).astype(np.float32),
    "table": RNG.normal(size=(9, 4)).astype(np.float32),
    "var": np.full(4, 2, np.float32),
    "i0": np.array([0]),
    "i1": np.array([1]),
    "im1": np.array([-1]),
    "i2": np.array([2]),
    "none": np.array([], np.int64),
    "axis0": np.array(0),
    "axis1": np.array(1),
    "four": np.array([1, 1]),
    "rep2": np.array([2, 1]),
    "e14": np.array([1, 4]),
    "e34": np.array([3, 4]),
    "flat": np.array([0, -1]),
    "all": np.array([-1]),
    "twice": np.array([2, -1]),
    "pads": np.array([0, 1, 0, 2]),
    "pads0": np.array([1, 1, 0, 2]),
    "two": np.array([2, 2]),
    "s1": np.array([1, 2], np.float32),
    "s2": np.array([2, 1], np.float32),
    "half": np.array(0.5, np.float32),
}

GOOD = [
    ("4", "y = Relu(x)"),
    ("4", "y = Add(x, c4)"),
    ("4", "y = Mul(c14, x)"),
    ("4", "y = MatMul(x, c44)"),
    ("4", "y = Gemm(x, c44, c14)"),
    ("4", "a = Relu(x)  y = Gemm(x, c44, a)"),
    ("4", "y = Softmax(x)"),
    ("4", "y = LogSoftmax<axis = 1>(x)"),
    ("4", "a = Neg(x)  y = Concat<axis = 1>(a, x)"),
    ("4", "y = ReduceSum<keepdims = 1>(x, i1)"),
    ("4", "y = ReduceMean<keepdims = 0>(x, im1)"),
    ("4", "y = ReduceSum<noop_with_empty_axes = 1>(x)"),
    ("4", "a = Unsqueeze(x, i1)  b = Squeeze(a, i1)  y = Neg(b)"),
    ("4", "y, k = TopK(x, i2)"),
    ("4", "y = Slice(x, i0, i2, i1)"),
    ("4", "y = Gather<axis = 1>(x, i2)"),
    ("4", "y = Pad(x, pads)"),
    ("4", "y = Tile(x, four)"),
    ("4", "y = Expand(x, e14)"),
    ("4", "a, b = Split<axis = 1>(x, two)  y = Add(a, b)"),
    ("4", "p = Greater(x, c4)  y = Where(p, x, c14)"),
    ("4", "y = LayerNormalization(x, c4)"),
    ("4", "y = BatchNormalization(x, c4, c4, c4, var)"),
    ("4", "y = CumSum(x, axis1)"),
    ("4", "a = ArgMax<axis = 1>(x)  y = Cast<to = 1>(a)"),
    ("4", "y = Dropout(x)"),
    ("4", 'y = Resize<mode = "nearest">(x, , s1)'),
    ("4, 4, 4", "y = MaxPool<kernel_shape = [2, 2]>(x)"),
    ("4, 4, 4", "y = GlobalAveragePool(x)"),
    ("4, 4, 4", "y = Conv(x, c3411)"),
    ("4, 4, 4", "y = Flatten(x)"),
    ("4, 4, 4", "y = Reshape(x, flat)"),
    ("4, 4, 4", "y = Transpose<perm = [0, 3, 1, 2]>(x)"),
    ("4, 4, 4", "y = Add(x, c1144)"),
    ("4, 4, 4", "y = MatMul(x, c44)"),
    ("4, 4, 4", "y = MatMul(c44, x)"),
    ("4, 4, 4", "y = MatMul(x, x)"),
    ("4, 4, 4", "y = MatMul(c1144, x)"),
    ("4, 4, 4", "y = DepthToSpace<blocksize = 2>(x)"),
    ("4", "a = Cast<to = 7>(x)  b = Abs(a)  y = Gather(table, b)"),
    ("4", "q = QuantizeLinear(x, half)  y = DequantizeLinear(q, half)"),
    ("4", "y = onnx.brevitas.Quant<signed = 1, narrow = 0>(x, c14, half, half)"),
    ("4", "y = onnx.brevitas.BipolarQuant(x, c4)"),
    ("4", "y = onnx.brevitas.Trunc(x, half, half, half, half)"),
    ("4", "y = onnx.brevitas.MultiThreshold(x, c44)"),
    ("4", "y = onnx.brevitas.XnorPopcountMatMul(x, c44)"),
]

BAD = [
    ("4", "y = Add(x, c24)", "differs between rows"),
    ("4", "t = Transpose(x)  y = Neg(t)", "moves axis 0"),
    ("4", "y = ReduceSum(x, i0)", "works along axis 0"),
    ("4", "y = ReduceSum(x)", "all axes"),
    ("4", "y = ReduceMax(x, none)", "all axes"),
    ("4", "y = Softmax<axis = 0>(x)", "works along axis 0"),
    ("4", "a = Neg(x)  y = Concat<axis = 0>(a, x)", "works along axis 0"),
    ("4", "y = Concat<axis = 1>(x, c14)", "joins rows with constants"),
    ("4", "y = MatMul(c44, x)", "not a row"),
    ("4", "y = MatMul(x, c1144)", "not a row"),
    ("4", "t = Relu(x)  y = MatMul(x, t)", "not a row"),
    ("4", "y = Gemm<transA = 1>(x, c44)", "not the rows"),
    ("4", "y = Gemm(x, c44, c24)", "differs between rows"),
    ("4", "y = Slice(x, i0, i1)", "all axes"),
    ("4", "y = Slice(x, i0, i1, i0)", "works along axis 0"),
    ("4", "y = Gather(x, i0)", "works along axis 0"),
    ("4", "a = Squeeze(x)  y = Neg(a)", "all axes"),
    ("4", "y = Unsqueeze(x, i0)", "works along axis 0"),
    ("4", "y = Pad(x, pads0)", "pads axis 0"),
    ("4", "y = Tile(x, rep2)", "change axis 0"),
    ("4", "y = Expand(x, e34)", "change axis 0"),
    ("4", "y = Reshape(x, all)", "does not provably keep axis 0"),
    ("4", "y = Reshape(x, twice)", "does not provably keep axis 0"),
    ("4", "y = CumSum(x, axis0)", "works along axis 0"),
    ("4", "a = ArgMax(x)  y = Cast<to = 1>(a)", "works along axis 0"),
    ("4", "s = Shape(x)  y = Cast<to = 1>(s)", "not known to work row by row|constant"),
    ("4", "a = NonZero(x)  y = Cast<to = 1>(a)", "not known to work row by row"),
    ("4", "y = Identity(c4)", "does not depend on the input"),
    ("4", 'y = Resize<mode = "nearest">(x, , s2)', "may resize axis 0"),
    ("4", "y = Flatten<axis = 0>(x)", "merges axis 0"),
    ("4, 4, 4", "a = ReduceSum<keepdims = 0>(x, axes123)  y = Add(a, c4)", "enlarge|meets"),
    ("4, 4, 4", "y, i = MaxPool<kernel_shape = [2, 2]>(x)", "indices count over all rows"),
    ("4, 4, 4", "y = Transpose<perm = [1, 0, 2, 3]>(x)", "moves axis 0"),
    ("4", "y = onnx.brevitas.BipolarQuant(x, c24)", "differs between rows"),
    ("4", "a = ReduceMax<keepdims = 0>(x, i1)  y = onnx.brevitas.BipolarQuant(x, a)", "meets|"),
]


def _text(shape: str, body: str, batch: str) -> str:
    outputs = "float[A] y" if "i = MaxPool" not in body else "float[A] y, int64[B] i"
    return f"g (float[{batch}, {shape}] x) => ({outputs}) {{ {body} }}"


@pytest.mark.parametrize(("shape", "body"), GOOD)
@pytest.mark.parametrize("batch", ["N", "1"])
def test_rows_are_independent(shape: str, body: str, batch: str) -> None:
    graph = graph_from_text(_text(shape, body, batch), CONSTANTS)
    run_passes(graph, [ResolveShapes(), BatchAxis()])
    assert graph.rows_independent is None
    assert graph.inputs[0].shape is not None
    assert graph.outputs[0].shape is not None
    assert graph.inputs[0].shape[0] == graph.outputs[0].shape[0] == "N"
    x = RNG.integers(-4, 5, (3, *map(int, shape.split(", ")))).astype(np.float32)
    whole = evaluate(graph, {"x": x})["y"]
    for row in range(3):
        part = evaluate(graph, {"x": x[row : row + 1]})["y"]
        np.testing.assert_allclose(part, whole[row : row + 1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "body", "reason"), BAD)
@pytest.mark.parametrize("batch", ["N", "1"])
def test_rows_that_may_mix(shape: str, body: str, reason: str, batch: str) -> None:
    constants = {**CONSTANTS, "axes123": np.array([1, 2, 3])}
    graph = graph_from_text(_text(shape, body, batch), constants)
    before = [value.shape for value in graph.inputs]
    run_passes(graph, [ResolveShapes(), BatchAxis()])
    assert graph.rows_independent is not None
    if "|" not in reason:
        assert reason in graph.rows_independent
    assert [value.shape for value in graph.inputs] == before


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ("float[5, 4] x, float[5, 4] z", "neither 1 nor dynamic"),
        ("float[N, 4] x, float[M, 4] z", "leading extents of the inputs differ"),
        ("float[N, 4] x, float[1, 4] z", "leading extents of the inputs differ"),
        ("float[N, 4] x, float z", "input 'z' has no axis"),
    ],
)
def test_inputs_without_a_common_batch(inputs: str, reason: str) -> None:
    graph = graph_from_text(f"g ({inputs}) => (float[A, B] y) {{ y = Add(x, z) }}")
    run_passes(graph, [BatchAxis()])
    assert graph.rows_independent is not None
    assert reason in graph.rows_independent


def test_two_frozen_inputs_share_one_symbol() -> None:
    graph = graph_from_text("g (float[1, N] x, float[1, N] z) => (float[A, B] y) { y = Add(x, z) }")
    run_passes(graph, [BatchAxis()])
    assert graph.rows_independent is None
    assert [value.shape for value in (*graph.inputs, *graph.outputs)] == [("N0", "N")] * 3


def test_what_no_input_reaches_is_the_same_for_every_row() -> None:
    graph = graph_from_text(
        "g (float[1, 4] x) => (float[1, 4] y) { a = Transpose(c44)  b = MatMul(a, a)"
        "  y = MatMul(x, b) }",
        CONSTANTS,
    )
    run_passes(graph, [BatchAxis()])
    assert graph.rows_independent is None
    assert graph.values()["b"].shape == (4, 4)


def test_packed_graphs() -> None:
    example = binary_cnn(0, batch="1")
    graph = import_model(example.model)
    run_passes(graph, PASSES)
    again = import_model(to_model(graph))
    assert again.rows_independent == "not analysed"
    run_passes(again, PACKED_PASSES)
    assert again.rows_independent is None


def test_no_inputs() -> None:
    graph = graph_from_text("g () => (float[4] y) { y = Neg(c4) }", CONSTANTS)
    run_passes(graph, [BatchAxis()])
    assert graph.rows_independent == "there is no input"
