import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.importer import import_model
from bnn_engine.passes import run_passes
from bnn_engine.passes.remove_identity import RemoveIdentity
from bnn_engine.passes.resolve_shapes import ResolveShapes, resolve_target
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
)

I64: dict[str, Array] = {
    "zero": np.array(0),
    "zero1": np.array([0]),
    "one1": np.array([1]),
    "two1": np.array([2]),
    "minus1": np.array([-1]),
    "big1": np.array([2**40]),
    "c800": np.array([800]),
    "t_m_800": np.array([-1, 800]),
    "t_0_m": np.array([0, -1]),
    "t_image": np.array([-1, 2, 20, 20]),
    "t_1_800": np.array([1, 800]),
    "t_0_0_400": np.array([0, 0, 400]),
}


@pytest.mark.parametrize(
    ("x", "body", "target"),
    [
        ("N, 2, 20, 20", "y = Reshape(x, t_m_800)", [0, 800]),
        ("N, 2, 20, 20", "y = Reshape(x, t_0_m)", [0, 800]),
        ("N, 800", "y = Reshape(x, t_image)", [0, 2, 20, 20]),
        ("N, 2, 20, 20", "y = Reshape(x, t_0_0_400)", [0, 2, 400]),
        ("N, 2, 20, 20", "y = Flatten(x)", [0, 800]),
        ("N, 2, 20, 20", "y = Flatten<axis = -3>(x)", [0, 800]),
        ("1, 2, 20, 20", "y = Reshape(x, t_1_800)", [0, 800]),
        ("1, 2, 20, 20", "y = Flatten(x)", [0, 800]),
        ("N, C, H, W", "y = Flatten(x)", [0, -1]),
        ("N, C, 20", "y = Reshape(x, t_0_m)", [0, -1]),
        ("N, 40, H", "y = Reshape<allowzero = 1>(x, t_m_800)", [-1, 800]),
        (
            "N, 2, 20, 20",
            "s = Shape<end = 1>(x)  t = Concat<axis = 0>(s, c800)"
            "  y = Reshape<allowzero = 1>(x, t)",
            [0, 800],
        ),
        (
            "N, 2, 20, 20",
            "s = Shape(x)  n = Gather(s, zero)  u = Unsqueeze(n, zero1)"
            "  t = Concat<axis = 0>(u, minus1)  y = Reshape(x, t)",
            [0, 800],
        ),
        (
            "N, 2, 20, 20",
            "s = Shape<end = 1>(x)  t = Concat<axis = 0>(s, c800)  y = Reshape(x, t)",
            [0, 800],
        ),
        (
            "N, 2, 20, 20",
            "s = Shape(x)  n = Slice(s, zero1, one1)  r = Slice(s, one1, big1, zero1)"
            "  p = ReduceProd<keepdims = 0>(r)  q = Unsqueeze(p, zero1)"
            "  t = Concat<axis = 0>(n, q)  y = Reshape(x, t)",
            [0, 800],
        ),
        (
            "N, 2, 20, 20",
            "s = Shape(x)  i = Cast<to = 6>(s)  j = Cast<to = 7>(i)  n = Gather(j, zero1)"
            "  k = Mul(n, one1)  l = Add(k, zero1)  m = Div(l, one1)  o = Sub(m, zero1)"
            "  v = Squeeze(o)  w = Unsqueeze(v, zero1)  t = Concat<axis = 0>(w, c800)"
            "  y = Reshape(x, t)",
            [0, 800],
        ),
        (
            "N, 2, H, 20",
            "s = Shape(x)  h = Gather(s, two1)  n = Gather(s, zero1)"
            "  t = Concat<axis = 0>(n, two1, h, minus1)  y = Reshape(x, t)",
            [0, 2, 0, 20],
        ),
    ],
)
def test_targets(x: str, body: str, target: list[int]) -> None:
    text = f"g (float[{x}] x) => (float[A] y) {{ {body} }}"
    graph = graph_from_text(text, I64)
    run_passes(graph, [ResolveShapes()])
    assert op_types(graph) == ["Reshape"]
    constant = graph.nodes[0].inputs[1]
    assert constant is not None
    assert constant.const is not None
    assert constant.const.tolist() == target
    sizes = {"N": 3, "C": 2, "H": 20, "W": 20}
    shape = [sizes.get(extent) or int(extent) for extent in x.split(", ")]
    value = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    (expected,) = run_onnxruntime(model_from_text(text, I64), {"x": value})
    np.testing.assert_array_equal(evaluate(graph, {"x": value})["y"], expected)


def test_chains_of_unknown_shapes() -> None:
    graph = graph_from_text(
        """g (float[N, 800] x) => (float[A, B] y) {
            s = Shape(x)  n = Gather(s, zero1)  t = Concat<axis = 0>(n, two1, c20, c20)
            a = Reshape(x, t)  p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a)
            u = Concat<axis = 0>(n, minus1)  y = Reshape(p, u)
        }""",
        {**I64, "c20": np.array([20])},
    )
    run_passes(graph, [ResolveShapes()])
    assert op_types(graph) == ["Reshape", "MaxPool", "Reshape"]
    assert graph.outputs[0].shape == ("N", 200)


SQUEEZE = """g (float[N, {channels}, 20] x) => (float[A, B] y) {{
    s = Shape(x)  n = Gather(s, one)  c = Equal(n, one)
    r = If(c) <
        then_branch = squeezed () => (float[P, Q] p) {{ k = Identity(axis)  p = Squeeze(x, k) }},
        else_branch = left () => (float[R, S] q) {{
            m = ReduceMax<keepdims = 0>(x, axis)  q = Neg(m)
        }}
    >
    y = Abs(r)
}}"""


@pytest.mark.parametrize(("channels", "branch"), [(1, ["Squeeze"]), (3, ["ReduceMax", "Neg"])])
def test_branches_that_extents_decide(channels: int, branch: list[str]) -> None:
    """As torch.squeeze leaves them; names that both graphs use mean different things."""
    text = SQUEEZE.format(channels=channels)
    constants: dict[str, Array] = {"one": np.array(1), "axis": np.array([1])}
    graph = graph_from_text(text, constants)
    run_passes(graph, [ResolveShapes(), RemoveIdentity()])
    assert op_types(graph) == [*branch, "Abs"]
    assert graph.outputs[0].shape == ("N", 20)
    x = np.arange(-20 * channels, 20 * channels, dtype=np.float32).reshape(2, channels, 20)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


def test_branches_that_do_not_fit_stay() -> None:
    model = model_from_text(SQUEEZE.format(channels=1), {"one": np.array(1), "axis": np.array([1])})
    branch = next(node for node in model.graph.node if node.op_type == "If")
    for attribute in branch.attribute:
        attribute.g.output.append(attribute.g.output[0])
    graph = import_model(model)
    run_passes(graph, [ResolveShapes()])
    assert "If" in op_types(graph)


def test_branches_that_the_batch_decides_stay() -> None:
    text = SQUEEZE.replace("one)  c", "zero)  c").format(channels=1)
    constants: dict[str, Array] = {"one": np.array(1), "axis": np.array([1]), "zero": np.array(0)}
    graph = graph_from_text(text, constants)
    run_passes(graph, [ResolveShapes()])
    assert "If" in op_types(graph)


def test_static_shapes_become_constants() -> None:
    graph = graph_from_text(
        "g (float[N, 6] x) => (float[N, 6] y) {"
        " s = Shape<start = 1>(x)  f = Cast<to = 1>(s)  y = Div(x, f) }"
    )
    run_passes(graph, [ResolveShapes()])
    assert op_types(graph) == ["Cast", "Div"]
    values = graph.values()["s"].const
    assert values is not None
    assert values.tolist() == [6]


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("s = Shape(x)  y = ConstantOfShape(s)", ("N", 6)),
        ("s = Shape(x)  y = Expand(one, s)", ("N", 6)),
        ("s = Shape(x)  y = Expand(x, s)", ("N", 6)),
        ("s = Shape(x)  e = Expand(one, s)  y = Neg(e)", ("N", 6)),
    ],
)
def test_expanded_shapes_are_known(body: str, shape: tuple[object, ...]) -> None:
    graph = graph_from_text(
        f"g (float[N, 6] x) => (float[A, B] y) {{ {body} }}", {"one": np.ones(1, np.float32)}
    )
    run_passes(graph, [ResolveShapes()])
    assert graph.outputs[0].shape == shape


def test_expand_to_a_target_with_minus_one() -> None:
    """torch writes ``expand(-1, ...)`` as Where(Equal(t, -1), ones, t)."""
    graph = graph_from_text(
        """g (float[N, 6] x) => (float[A, B] y) {
            s = Shape(x)  n = Gather(s, zero1)  t = Concat<axis = 0>(n, minus1)
            l = Shape(t)  o = ConstantOfShape<value = int64[1] {1}>(l)
            m = Equal(t, minus2)  w = Where(m, o, t)  y = Expand(x, w)
        }""",
        {**I64, "minus2": np.array([-1, -1])},
    )
    run_passes(graph, [ResolveShapes()])
    assert graph.outputs[0].shape == ("N", 6)


@pytest.mark.parametrize(
    "body",
    [
        "y = Reshape(x, v)",
        "y = Reshape<allowzero = 1>(x, t_0_m)",
        "y = Flatten<axis = 0>(x)",
    ],
)
def test_what_cannot_be_told_stays(body: str) -> None:
    graph = graph_from_text(
        f"g (float[N, 2, H] x, int64[2] v) => (float[A, B] y) {{ {body} }}", I64
    )
    before = op_types(graph)
    run_passes(graph, [ResolveShapes()])
    assert op_types(graph) == before


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [
        (("N", 6), (-1, 2, 3), ["N", 2, 3]),
        (("N", 6), ("N", -1), ["N", 6]),
        (("N", 6), ("N", None), ["N", 6]),
        (("N", "M"), (-1, 6), [None, 6]),
        (("N", "M"), ("M", -1), ["M", "N"]),
        (("N", 6), (-1, 4), [None, 4]),
        (("N", None), ("N", -1), ["N", None]),
        ((2, 3), (3, -1), [3, 2]),
        ((0, 3), (3, -1), [3, 0]),
        ((0, 3), (0, -1), [0, None]),
        ((2, 3), (4, -1), [4, None]),
    ],
)
def test_resolve_target(shape: object, target: object, expected: list[object]) -> None:
    assert resolve_target(shape, target) == expected  # type: ignore[arg-type]


def test_numbers_do_not_overflow() -> None:
    graph = graph_from_text(
        """g (float[N, 6] x) => (float[A] y) {
            a = Mul(big1, big1)  b = Mul(a, big1)  y = Reshape(x, b)
        }""",
        I64,
    )
    run_passes(graph, [ResolveShapes()])
    graph.check()
