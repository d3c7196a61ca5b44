import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.binary_conv import BinaryConvolutions
from bnn_engine.passes.binary_dense import BinaryDenseLayers
from bnn_engine.passes.sign_of_sums import SignsOfSums
from tests.support.onnx_models import graph_from_text, op_types

RNG = np.random.default_rng(0)
SIGNS = "p = Greater(x, zero)  s = Where(p, one, minus)"
ODD = "c = Clip(x, zero, three)  r = Round(c)  d = Mul(r, two)  s = Sub(d, three)"
LEVELS = "c = Clip(x, zero, three)  s = Round(c)"
PASSES = [RecogniseActivations(), BinaryConvolutions(), BinaryDenseLayers(), SignsOfSums()]


@pytest.mark.parametrize(
    ("activation", "layer", "replaced"),
    [
        (SIGNS, "z = MatMul(s, signs9)", True),
        (SIGNS, "z = MatMul(s, signs8)", False),
        (SIGNS, "t = MatMul(s, signs8)  z = Add(t, one)", True),
        (SIGNS, "t = MatMul(s, signs9)  z = Add(t, one)", False),
        (SIGNS, "t = MatMul(s, signs8)  z = Add(t, half)", True),
        (ODD, "z = MatMul(s, signs9)", True),
        (ODD, "z = MatMul(s, odd9)", True),
        (ODD, "z = MatMul(s, ternary9)", False),
        (LEVELS, "z = MatMul(s, signs9)", False),
        (LEVELS, "t = MatMul(s, ternary9)  z = Sub(t, half)", True),
        (LEVELS, "t = MatMul(s, ternary9)  z = Add(t, many)", True),
        (LEVELS, "t = MatMul(s, signs9)  z = Add(t, few)", False),
    ],
)
def test_signs_of_sums_that_are_never_zero(activation: str, layer: str, replaced: bool) -> None:
    length = 9 if "9" in layer else 8
    scalars = {"zero": 0, "one": 1, "minus": -1, "two": 2, "three": 3, "half": 0.5}
    graph = graph_from_text(
        f"g (float[N, {length}] x) => (float[N, 4] y) {{ {activation}  {layer}  y = Sign(z) }}",
        {
            **{name: np.array(number, np.float32) for name, number in scalars.items()},
            "many": np.array(28, np.float32),
            "few": np.array(26, np.float32),
            "signs8": RNG.choice([-1, 1], (8, 4)).astype(np.float32),
            "signs9": RNG.choice([-1, 1], (9, 4)).astype(np.float32),
            "odd9": RNG.choice([-3, -1, 1, 3], (9, 4)).astype(np.float32),
            "ternary9": RNG.choice([-1, 0, 1], (9, 4)).astype(np.float32),
        },
    )
    x = (RNG.normal(size=(50, length)) * 4).astype(np.float32)
    expected = evaluate(graph, {"x": x})["y"]
    run_passes(graph, PASSES)
    assert (op_types(graph)[-1] == "Binarize") is replaced
    np.testing.assert_array_equal(evaluate(graph, {"x": x})["y"], expected)


@pytest.mark.parametrize(("pads", "replaced"), [([0, 0], True), ([1, 0], False)])
def test_padding_has_no_parity(pads: list[int], replaced: bool) -> None:
    text = f"z = Conv<pads = {pads}>(s, w)"
    scalars = {"zero": 0, "one": 1, "minus": -1}
    graph = graph_from_text(
        f"g (float[N, 3, 7] x) => (float[A] y) {{ {SIGNS}  {text}  y = Sign(z) }}",
        {
            **{name: np.array(number, np.float32) for name, number in scalars.items()},
            "w": RNG.choice([-1, 1], (2, 3, 3)).astype(np.float32),
        },
    )
    run_passes(graph, PASSES)
    assert (op_types(graph)[-1] == "Binarize") is replaced
