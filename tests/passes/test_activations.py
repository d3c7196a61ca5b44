"""Activations as exporters write them, against the ONNX reference and ONNX Runtime."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from bnn_engine.graph import Graph
from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.common_subexpressions import CommonSubexpressions
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.resolve_shapes import ResolveShapes
from tests.support.float_grid import around, grid
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
)

SCALARS = {
    "zero": 0.0,
    "one": 1.0,
    "minus": -1.0,
    "two": 2.0,
    "three": 3.0,
    "third": 1 / 3,
    "half": 0.5,
    "tenth": 0.1,
    "delta": 0.05,
    "tiny": 1e-20,
    "fifteen": 15.0,
    "alpha": 0.37,
    "inf": np.inf,
}
CONSTANTS: dict[str, Array] = {
    **{name: np.array(number, np.float32) for name, number in SCALARS.items()},
    "vector": np.array([1.0], np.float32),
}

POLYNOMIAL = """
    l0 = Less(x, minus)  l1 = Less(x, zero)  l2 = Less(x, one)
    m0 = Cast<to = 1>(l0)  m1 = Cast<to = 1>(l1)  m2 = Cast<to = 1>(l2)
    p0 = Mul(m0, minus)  xx = Mul(x, x)  x2 = Mul(x, two)  q0 = Add(xx, x2)  n0 = Sub(one, m0)
    r0 = Mul(q0, n0)  s0 = Add(p0, r0)  t0 = Mul(s0, m1)
    nx = Neg(x)  nxx = Mul(nx, x)  q1 = Add(nxx, x2)  n1 = Sub(one, m1)  r1 = Mul(q1, n1)
    s1 = Add(t0, r1)  t1 = Mul(s1, m2)  n2 = Sub(one, m2)  b = Add(t1, n2)
"""

# name: (body, ops that become of it)
FORMS: dict[str, tuple[str, list[str]]] = {
    # comparisons
    "where": ("p = Greater(x, zero)  y = Where(p, one, minus)", ["Binarize"]),
    "where of ones_like": (
        """p = Greater(x, zero)  s = Shape(x)  o = ConstantOfShape<value = float[1] {1.0}>(s)
        n = Neg(o)  y = Where(p, o, n)""",
        ["Binarize"],
    ),
    "where of expanded ones": (
        "p = Greater(x, zero)  s = Shape(x)  o = Expand(one, s)  n = Neg(o)  y = Where(p, o, n)",
        ["Binarize"],
    ),
    "where of NaN-true comparison": (
        "p = Less(x, zero)  q = Not(p)  y = Where(q, one, minus)",
        ["Binarize"],
    ),
    "compare, cast": (
        "p = GreaterOrEqual(x, zero)  c = Cast<to = 1>(p)  d = Mul(c, two)  y = Sub(d, one)",
        ["Binarize"],
    ),
    "Keras": (
        """p = GreaterOrEqual(x, zero)  q = Not(p)  c = Cast<to = 1>(p)  d = Cast<to = 1>(q)
        s = Shape(x)  o = ConstantOfShape<value = float[1] {1.0}>(s)  m = Mul(c, o)  n = Neg(o)
        k = Mul(d, n)  y = Add(m, k)""",
        ["Binarize"],
    ),
    "integers": (
        """p = GreaterOrEqual(x, zero)  c = Cast<to = 6>(p)  t = Constant<value = int32 {2}>()
        u = Constant<value = int32 {1}>()  d = Mul(c, t)  e = Sub(d, u)  y = Cast<to = 1>(e)""",
        ["Binarize"],
    ),
    "zero or one": ("p = Greater(x, zero)  y = Cast<to = 1>(p)", ["Quantize"]),
    "heaviside": (
        """p = Less(x, zero)  q = Where(p, zero, one)  e = Equal(x, zero)
        y = Where(e, half, q)""",
        ["Quantize"],
    ),
    "two values": ("p = Greater(x, delta)  y = Where(p, alpha, minus)", ["Quantize"]),
    "two opposite values": (
        "p = Greater(x, delta)  w = Where(p, one, minus)  y = Mul(w, alpha)",
        ["Binarize", "Mul"],
    ),
    "within": (
        "p = Greater(x, minus)  q = Less(x, one)  r = And(p, q)  y = Where(r, one, minus)",
        ["Binarize"],
    ),
    "outside": (
        "a = Abs(x)  p = Greater(a, half)  y = Where(p, minus, one)",
        ["Abs", "Binarize"],
    ),
    "exclusive or": (
        "p = Less(x, minus)  q = Less(x, one)  r = Xor(p, q)  y = Cast<to = 1>(r)",
        ["Quantize"],
    ),
    "either": (
        "p = LessOrEqual(x, minus)  q = Greater(x, one)  r = Or(p, q)  y = Where(r, one, minus)",
        ["Quantize"],
    ),
    "number or not": (
        "p = IsNaN(x)  q = Less(x, zero)  r = Or(p, q)  y = Cast<to = 1>(r)",
        ["Quantize"],
    ),
    "torch.sign": (
        """p = Greater(x, zero)  q = Less(x, zero)  a = Cast<to = 1>(p)  b = Cast<to = 1>(q)
        y = Sub(a, b)""",
        ["Quantize"],
    ),
    "by infinity": ("p = Less(x, inf)  y = Where(p, one, minus)", ["Binarize"]),
    # signs
    "bitorch": ("s = Sign(x)  p = Equal(s, zero)  y = Where(p, one, s)", ["Binarize"]),
    "Larq ste_sign": ("s = Sign(x)  a = Add(s, tenth)  y = Sign(a)", ["Binarize"]),
    "Larq ste_heaviside": ("r = Relu(x)  y = Sign(r)", ["Quantize"]),
    "Larq ste_tern": (
        """a = Sub(x, delta)  b = Sign(a)  c = Add(x, delta)  d = Sign(c)  e = Add(d, b)
        y = Sign(e)""",
        ["Quantize"],
    ),
    "tiny offset": ("a = Add(x, tiny)  y = Sign(a)", ["Add", "Sign"]),
    "sum of two": (
        """g = Sign(x)  a = Sub(x, half)  p = Greater(a, zero)  c = Cast<to = 1>(p)
        d = Mul(c, alpha)  y = Add(g, d)""",
        ["Quantize"],
    ),
    # what straight-through estimators leave
    "clip": ("s = Sign(x)  c = Clip(x, minus, one)  d = Sub(s, c)  y = Add(d, c)", ["Sign"]),
    "clip, twice": (
        """s = Sign(x)  c = Clip(x, minus, one)  d = Sub(s, c)  e = Clip(x, minus, one)
        y = Add(e, d)""",
        ["Sign"],
    ),
    "clip of comparison": (
        """p = Greater(x, zero)  s = Where(p, one, minus)  c = Clip(x, minus, one)  d = Sub(s, c)
        y = Add(d, c)""",
        ["Binarize"],
    ),
    "tanh": ("s = Sign(x)  c = Tanh(x)  d = Sub(s, c)  y = Add(d, c)", ["Sign"]),
    "sigmoid": (
        "p = Greater(x, zero)  q = Cast<to = 1>(p)  c = Sigmoid(x)  d = Sub(q, c)  y = Add(d, c)",
        ["Quantize"],
    ),
    "tanh of a multiple": (
        "s = Sign(x)  m = Mul(x, three)  c = Tanh(m)  d = Sub(c, s)  y = Sub(c, d)",
        ["Sign"],
    ),
    "polynomial": (f"s = Sign(x)  {POLYNOMIAL}  d = Sub(s, b)  y = Add(d, b)", ["Sign"]),
    "scaled": (
        "s = Sign(x)  c = Clip(x, minus, one)  d = Sub(s, c)  e = Add(d, c)  y = Mul(e, alpha)",
        ["Sign", "Mul"],
    ),
    # rounding
    "round of clip": (
        """a = Add(x, one)  d = Div(a, two)  c = Clip(d, zero, one)  r = Round(c)  m = Mul(r, two)
        y = Sub(m, one)""",
        ["Binarize"],
    ),
    "round of hard sigmoid": (
        "h = HardSigmoid(x)  r = Round(h)  m = Mul(r, two)  y = Sub(m, one)",
        ["Binarize"],
    ),
    "DoReFa, Larq": (
        "a = Min(x, one)  b = Max(a, zero)  m = Mul(b, three)  r = Round(m)  y = Mul(r, third)",
        ["Quantize"],
    ),
    "DoReFa, torch": (
        "c = Clip(x, zero, one)  m = Mul(c, three)  r = Round(m)  y = Div(r, three)",
        ["Quantize"],
    ),
    "DoReFa, 4 bits": (
        "c = Clip(x, zero, one)  m = Mul(c, fifteen)  r = Round(m)  y = Div(r, fifteen)",
        ["Quantize"],
    ),
    "DoReFa, straight-through": (
        """c = Clip(x, zero, one)  m = Mul(c, three)  r = Round(m)  e = Sub(r, m)  f = Add(m, e)
        y = Div(f, three)""",
        ["Quantize"],
    ),
    "clip of round": (
        "d = Div(x, alpha)  r = Round(d)  c = Clip(r, minus, two)  y = Mul(c, alpha)",
        ["Quantize"],
    ),
    "floor": ("a = Add(x, half)  f = Floor(a)  y = Clip(f, zero, three)", ["Quantize"]),
    "ceil": ("f = Ceil(x)  y = Clip(f, minus, two)", ["Quantize"]),
}

# The sum that cancels rounds: (-1 - 0.7) + 0.7 is not -1.
ROUNDING = {
    "BNext": """r = Clip(x, minus, one)  s = Shape(x)
        o = ConstantOfShape<value = float[1] {1.0}>(s)  e = Add(r, o)  t = Div(x, delta)
        c = Clip(t, minus, one)  g = Sign(c)  h = Mul(g, o)  d = Sub(h, e)  y = Add(d, e)""",
    "added first": "s = Sign(x)  c = Clip(x, minus, one)  a = Add(s, c)  y = Sub(a, c)",
}


def recognise(
    body: str, constants: Mapping[str, Array] = CONSTANTS, shape: str = "N, 4"
) -> tuple[onnx.ModelProto, Graph]:
    """The model, and its graph after the pass."""
    text = f"g (float[{shape}] x) => (float[{shape}] y) {{ {body} }}"
    model = model_from_text(text, constants)
    graph = graph_from_text(text, constants)
    run_passes(
        graph, [FoldConstants(), ResolveShapes(), CommonSubexpressions(), RecogniseActivations()]
    )
    return model, graph


def rows(numbers: Array, width: int = 4) -> Array:
    """Every number in every column."""
    return np.repeat(numbers[:, None], width, axis=1)


def check(model: onnx.ModelProto, graph: Graph, x: Array) -> None:
    """The graph gives what both evaluations of the model give."""
    got = evaluate(graph, {"x": x})["y"]
    (runtime,) = run_onnxruntime(model, {"x": x})
    np.testing.assert_array_equal(got, runtime)
    with np.errstate(all="ignore"):
        (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_array_equal(got, reference)


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    body, expected = FORMS[name]
    model, graph = recognise(body)
    assert op_types(graph) == expected
    check(model, graph, rows(_within(name, grid(*_bounds(graph)))))


def _bounds(graph: Graph) -> list[float]:
    consts = [v.const for node in graph.nodes for v in node.inputs if v is not None]
    return [float(number) for c in consts if c is not None for number in c.reshape(-1)]


def _within(name: str, numbers: Array) -> Array:
    """Without the numbers beyond 1.8e19, where the polynomial gives NaN."""
    if name != "polynomial":
        return numbers
    return numbers[~(np.abs(numbers) > 1.8e19)]


@pytest.mark.parametrize("name", ROUNDING)
def test_noise_of_estimators_is_left_out(name: str) -> None:
    model, graph = recognise(ROUNDING[name])
    assert op_types(graph) == ["Sign"]
    x = rows(np.concatenate([grid(), np.linspace(-2, 2, 1001, dtype=np.float32)]))
    (runtime,) = run_onnxruntime(model, {"x": x})
    noise = np.abs(runtime - evaluate(graph, {"x": x})["y"])
    assert 0 < np.nanmax(noise) <= 6 * 2.0**-24
    np.testing.assert_array_equal(np.isnan(noise), np.isnan(x))


def test_estimators_are_left_out_beyond_2_to_the_24() -> None:
    model, graph = recognise("s = Sign(x)  d = Sub(s, x)  y = Add(d, x)")
    assert op_types(graph) == ["Sign"]
    x = grid()
    near = x[~(np.abs(x) > 2.0**24)]
    check(model, graph, rows(near))
    far = x[np.abs(x) > 2.0**24]
    (runtime,) = run_onnxruntime(model, {"x": rows(far)})
    np.testing.assert_array_equal(evaluate(graph, {"x": rows(far)})["y"], rows(np.sign(far)))
    assert (runtime != rows(np.sign(far))).any()


def test_adding_large_numbers_first_loses_too_much() -> None:
    model, graph = recognise("s = Sign(x)  a = Add(s, x)  y = Sub(a, x)")
    assert op_types(graph) == ["Sign", "Add", "Sub"]
    x = rows(np.array([2.0**17 - 2.0**-7], np.float32))
    (runtime,) = run_onnxruntime(model, {"x": x})
    assert (runtime != 1).all()


def test_thresholds_per_channel() -> None:
    rng = np.random.default_rng(0)
    t = rng.normal(0, 1, (1, 5, 1, 1)).astype(np.float32)
    t[0, :2, 0, 0] = [np.inf, -np.inf]
    body = """p = Less(x, t)  q = Less(x, u)  a = Where(p, zero, one)  b = Where(q, zero, one)
        y = Add(a, b)"""
    model, graph = recognise(
        body, {**CONSTANTS, "t": t, "u": t + np.float32(0.5)}, shape="N, 5, 2, 2"
    )
    assert op_types(graph) == ["Quantize"]
    (node,) = graph.nodes
    assert [value.shape for value in node.inputs[1:] if value is not None] == [(2, 5, 1, 1)] * 2
    numbers = np.concatenate(
        [grid(), around(t.reshape(-1)), around(t.reshape(-1) + np.float32(0.5))]
    )
    x = np.broadcast_to(numbers[:, None, None, None], (numbers.size, 5, 2, 2)).copy()
    check(model, graph, x)


@pytest.mark.parametrize("constant", ["scale", "bias"])
def test_what_varies_per_channel_behind_stays_outside(constant: str) -> None:
    op = "Mul" if constant == "scale" else "Add"
    body = f"s = Sign(x)  p = Equal(s, zero)  w = Where(p, one, s)  y = {op}(w, {constant})"
    c = np.arange(1, 6, dtype=np.float32).reshape(1, 5, 1, 1)
    model, graph = recognise(body, {**CONSTANTS, constant: c}, shape="N, 5, 2, 2")
    assert op_types(graph) == ["Binarize", op]
    x = np.random.default_rng(0).normal(size=(3, 5, 2, 2)).astype(np.float32)
    check(model, graph, x)


def test_a_biased_sign_keeps_its_bias() -> None:
    bias = np.arange(-2, 3, dtype=np.float32).reshape(1, 5, 1, 1)
    body = (
        """z = Add(x, bias)  s = Sign(z)  c = Clip(z, minus, one)  d = Sub(s, c)  y = Add(d, c)"""
    )
    model, graph = recognise(body, {**CONSTANTS, "bias": bias}, shape="N, 5, 2, 2")
    assert op_types(graph) == ["Add", "Sign"]
    x = np.random.default_rng(0).integers(-3, 4, (3, 5, 2, 2)).astype(np.float32)
    check(model, graph, x)


@pytest.mark.parametrize(
    "body",
    [
        "a = Abs(x)  k = ReduceMean(a, channels)  s = Sign(x)  y = Mul(s, k)",
        """a = Abs(x)  k = ReduceMean(a, channels)  p = Greater(x, zero)  w = Where(p, one, minus)
        y = Mul(k, w)""",
    ],
)
def test_maps_of_magnitudes_stay_float(body: str) -> None:
    model, graph = recognise(body, {**CONSTANTS, "channels": np.array([1])}, shape="N, 5, 2, 2")
    binary = "Sign" if "Sign" in body else "Binarize"
    assert sorted(op_types(graph)) == sorted(["Abs", "ReduceMean", binary, "Mul"])
    x = np.random.default_rng(0).integers(-3, 4, (3, 5, 2, 2)).astype(np.float32)
    check(model, graph, x)


@pytest.mark.parametrize("shape", ["", "N", "A, B, C, D, E, F"])
def test_what_has_no_channels_stays(shape: str) -> None:
    brackets = f"[{shape}]" if shape else ""
    graph = graph_from_text(
        f"""g (float{brackets} x) => (float{brackets} y) {{
            p = Greater(x, zero)  y = Where(p, one, minus)
        }}""",
        CONSTANTS,
    )
    run_passes(graph, [RecogniseActivations()])
    assert op_types(graph) == ["Greater", "Where"]


def test_no_channels_at_all() -> None:
    _, graph = recognise(
        "p = Greater(x, none)  y = Where(p, one, minus)",
        {**CONSTANTS, "none": np.ones((1, 0), np.float32)},
        shape="N, 0",
    )
    assert op_types(graph) == ["Greater", "Where"]


def test_names_and_origins_of_nodes() -> None:
    graph = graph_from_text(
        f"g (float[N, 4] x) => (float[N, 4] y) {{ {FORMS['scaled'][0]} }}", CONSTANTS
    )
    for node in graph.nodes:
        node.name = f"/layer/{node.op_type}"
        node.origins = (node.op_type,)
    run_passes(graph, [RecogniseActivations()])
    assert [node.op_type for node in graph.nodes] == ["Sign", "Mul"]
    assert [node.name for node in graph.nodes] == ["y_signs", "/layer/Mul"]
    assert graph.nodes[1].origins == ("Sign", "Clip", "Sub", "Add", "Mul")


def test_values_that_others_read_stay() -> None:
    body = "r = Relu(x)  s = Sign(r)  y = Add(s, r)"
    model, graph = recognise(body)
    assert op_types(graph) == ["Relu", "Quantize", "Add"]
    check(model, graph, rows(grid()))


def test_repeated_expressions_share_one_analysis_and_keep_their_names() -> None:
    text = """g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y, float[N, 4] w) {
        p = Greater(x, zero)  y = Where(p, one, minus)
        q = Greater(z, zero)  w = Where(q, one, minus)
    }"""
    graph = graph_from_text(text, CONSTANTS)
    run_passes(graph, [RecogniseActivations()])
    assert op_types(graph) == ["Binarize", "Binarize"]
    assert [node.inputs[0].name for node in graph.nodes if node.inputs[0]] == ["x", "z"]
    assert [value.name for value in graph.outputs] == ["y", "w"]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("y = Sign(x)", ["Sign"]),
        ("s = Sign(x)  y = Mul(s, alpha)", ["Sign", "Mul"]),
        ("s = Sign(x)  m = Mul(s, alpha)  y = Add(m, half)", ["Sign", "Mul", "Add"]),
        ("y = Round(x)", ["Round"]),
        ("c = Clip(x, minus, fifteen)  m = Mul(c, two)  y = Round(m)", ["Clip", "Mul", "Round"]),
        ("p = Greater(x, zero)  y = Where(p, x, zero)", ["Greater", "Where"]),
        ("p = Greater(x, x)  y = Where(p, one, minus)", ["Greater", "Where"]),
        ("p = Greater(x, nan)  y = Where(p, one, minus)", ["Greater", "Where"]),
        ("p = Greater(x, wide)  y = Where(p, one, minus)", ["Greater", "Where"]),
        ("p = Greater(x, zero)  y = Where(p, one, wide)", ["Greater", "Where"]),
        ("p = Greater(x, zero)  y = Where(p, one, inf)", ["Greater", "Where"]),
        ("p = Greater(x, zero)  y = Where(p, columns, minus)", ["Greater", "Where"]),
        ("s = Sign(x)  y = Div(one, s)", ["Sign", "Div"]),
        # NaN as an integer is what the machine likes.
        (
            "c = Clip(x, minus, two)  i = Cast<to = 6>(c)  y = Cast<to = 1>(i)",
            ["Clip", "Cast", "Cast"],
        ),
        # 1, 0, 1, 0
        (
            """p = Less(x, minus)  q = Less(x, zero)  r = Less(x, one)  a = Xor(p, q)
            b = Xor(a, r)  y = Cast<to = 1>(b)""",
            ["Less", "Less", "Less", "Xor", "Xor", "Cast"],
        ),
    ],
)
def test_kept(body: str, kept: list[str]) -> None:
    _, graph = recognise(
        body,
        {
            **CONSTANTS,
            "nan": np.array(np.nan, np.float32),
            "wide": -np.ones((2, 4), np.float32),
            "columns": np.array([1, 2, 3, 4], np.float32),
        },
    )
    assert op_types(graph) == kept


@pytest.mark.parametrize(
    ("ones", "expected"),
    [
        (np.ones((1, 4), np.float32), "Binarize"),
        (np.ones((4,), np.float32), "Binarize"),
        (np.array([[1, 1, 1, 2]], np.float32), "Where"),  # values differ between channels
        (np.ones((3, 4), np.float32), "Where"),  # they enlarge the tensor
    ],
)
def test_constants_of_the_whole_shape(ones: Array, expected: str) -> None:
    """``ones_like`` of a tensor whose batch was frozen is folded to all its elements."""
    text = """g (float[1, 4] x) => (float[a, 4] y) {
        p = Greater(x, zero)  y = Where(p, ones, minus) }"""
    graph = graph_from_text(text, CONSTANTS | {"ones": ones})
    run_passes(graph, [RecogniseActivations()])
    assert op_types(graph)[-1] == expected
