import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.binary_conv import BinaryConvolutions
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
    signs,
)

RNG = np.random.default_rng(0)
SIGN = "p = Greater(x, zero)  s = Where(p, one, minus)"
SCALARS: dict[str, Array] = {
    "zero": np.zeros((), np.float32),
    "one": np.ones((), np.float32),
    "minus": -np.ones((), np.float32),
}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "pads = [1, 1, 1, 1]",
        "pads = [0, 1, 2, 1], strides = [2, 1], dilations = [1, 2]",
        'auto_pad = "SAME_UPPER", strides = [2, 2]',
        'auto_pad = "SAME_LOWER", strides = [2, 3]',
        'auto_pad = "VALID"',
    ],
)
def test_convolutions(binary: bool, scaled: bool, biased: bool, attributes: str) -> None:
    weights = signs(RNG, (6, 5, 3, 2))
    if scaled:
        weights *= np.array([1, 2, 0.3, 0, 1.7, 9], np.float32).reshape(-1, 1, 1, 1)
    operands = ("s" if binary else "x") + ", w" + (", b" if biased else "")
    text = f"""g (float[2, 5, 8, 7] x) => (float[A, B, C, D] y) {{
        {SIGN if binary else ""}  y = Conv<{attributes}>({operands})
    }}""".replace("<>", "")
    constants = {**SCALARS, "w": weights, "b": RNG.normal(size=6).astype(np.float32)}
    graph = graph_from_text(text, constants)
    run_passes(graph, [RecogniseActivations(), BinaryConvolutions()])
    assert op_types(graph) == [
        *(["Binarize", "BinaryConv"] if binary else ["BinaryWeightConv"]),
        *(["Mul"] if scaled else []),
        *(["Add"] if biased else []),
    ]
    assert bool(graph.reasons) is not binary
    assert [value.name for value in graph.outputs] == ["y"]
    x = RNG.normal(size=(2, 5, 8, 7)).astype(np.float32)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    actual = evaluate(graph, {"x": x})["y"]
    if binary and not scaled and not biased:
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "body", "reason"),
    [
        ("float[1, 4, 8, 8] x", "y = Conv<group = 2>(x, half)", "not quantized: graph input"),
        ("float[1, 4, 8, 8] x", "y = Conv(x, line)", "input is float32 of rank 4"),
        ("float[1, 4, 8, 8] x", "r = Relu(x)  y = Conv(r, ternary)", "not quantized: comes from"),
        ("float[1, 4, 8, 8] x", "y = Conv(x, real)", "weights have 36 levels in row 0"),
        (
            "float[1, 4, 8, 8] x, float[4, 4, 3, 3] v",
            "y = Conv(x, v)",
            "weights are not constant: graph input 'v'",
        ),
        (
            "float[1, 4, 8, 8] x, float[4] v",
            "y = Conv(x, full, v)",
            "bias is not constant: graph input 'v'",
        ),
        (
            "float[1, 4, H, 8] x",
            'y = Conv<auto_pad = "SAME_UPPER">(x, full)',
            "automatic padding of an input of unknown size",
        ),
        ("float[1, 4, 2, 8] x", "y = Conv(x, full)", "the kernel does not fit"),
        ("float[1, 3, 8, 8] x", "y = Conv(x, full)", "input has 3 channels instead of 4"),
        ("float[1, 4, 8, 8] x", "y = Conv<kernel_shape = [2, 3]>(x, full)", "kernel_shape"),
        ("double[1, 4, 8, 8] x", "y = Conv(x, double)", "input is float64 of rank 4"),
    ],
)
def test_reasons(inputs: str, body: str, reason: str) -> None:
    graph = graph_from_text(
        f"g ({inputs}) => (float[A, B, C, D] y) {{ {body} }}",
        {
            "full": signs(RNG, (4, 4, 3, 3)),
            "double": signs(RNG, (4, 4, 3, 3)).astype(np.float64),
            "half": signs(RNG, (4, 2, 3, 3)),
            "ternary": np.tile(np.array([0, -1, 1], np.float32), (4, 4, 3, 1)),
            "line": signs(RNG, (4, 4, 3)),
            "real": RNG.normal(size=(4, 4, 3, 3)).astype(np.float32),
        },
    )
    run_passes(graph, [BinaryConvolutions()])
    assert op_types(graph)[-1] == "Conv"
    assert reason in graph.reasons["y"]


LEVELS = "c = Clip(x, zero, three)  r = Round(c)"
QUANTIZED = {
    "zero": np.array(0, np.float32),
    "three": np.array(3, np.float32),
    "third": np.array(1 / 3, np.float32),
    "offset": np.array(0.4375, np.float32),
    "per_channel": np.array([1, 2, 3, 4], np.float32).reshape(4, 1, 1),
}


@pytest.mark.parametrize(
    ("activation", "attributes", "weights", "reason"),
    [
        (
            f"{LEVELS}  s = Identity(r)",
            "group = 1",
            "wide",
            "17 levels, which do not fit into 4 bits",
        ),
        (
            f"{LEVELS}  s = Mul(r, per_channel)",
            "group = 1",
            "ternary",
            "not quantized: comes from Mul",
        ),
        (f"{LEVELS}  s = Add(r, offset)", "pads = [1, 1, 1, 1]", "ternary", "no level 0"),
        (f"{LEVELS}  s = Identity(r)", "group = 2", "two", "not opposite, in groups"),
        (f"{LEVELS}  s = Identity(r)", "group = 1", "real", "weights have 36 levels in row 0"),
    ],
)
def test_reasons_of_quantized_layers(
    activation: str, attributes: str, weights: str, reason: str
) -> None:
    arrays = {
        "wide": RNG.choice(np.arange(-8, 9), (4, 4, 5, 5)),
        "ternary": RNG.choice([-1, 0, 1], (4, 4, 3, 3)),
        "two": RNG.choice([-0.37, 1.11234], (4, 2, 3, 3)),
        "real": RNG.normal(size=(4, 4, 3, 3)),
    }
    graph = graph_from_text(
        f"g (float[N, 4, H, W] x) => (float[A] y) {{ {activation}  y = Conv<{attributes}>(s, w) }}",
        {**QUANTIZED, "w": arrays[weights].astype(np.float32)},
    )
    run_passes(graph, [RecogniseActivations(), BinaryConvolutions()])
    assert op_types(graph)[-1] == "Conv"
    assert reason in graph.reasons["y"]


@pytest.mark.parametrize("weights", ["ternary", "two", "signs"])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 2, 0]])
@pytest.mark.parametrize(
    "activation",
    ["s = Mul(r, third)", "s = Add(r, offset)", "t = Mul(r, third)  s = Sub(offset, t)"],
)
def test_sums_of_integers(activation: str, pads: list[int], weights: str) -> None:
    """Scales and offsets of both sides leave the sum, over the real taps of every window."""
    arrays = {
        "ternary": RNG.choice([-1, 0, 1], (5, 4, 3, 3)) * RNG.uniform(0.1, 1, (5, 1, 1, 1)),
        "two": RNG.choice([-1, 1], (5, 4, 3, 3)) * 0.7 + RNG.uniform(0.1, 0.5, (5, 1, 1, 1)),
        "signs": RNG.choice([-1, 1], (5, 4, 3, 3)),
    }
    text = f"""g (float[N, 4, 6, 5] x) => (float[A] y) {{
        {LEVELS}  {activation}  y = Conv<pads = {pads}>(s, w, b)
    }}"""
    constants = {
        **QUANTIZED,
        "w": arrays[weights].astype(np.float32),
        "b": RNG.normal(size=5).astype(np.float32),
    }
    graph = graph_from_text(text, constants)
    run_passes(graph, [RecogniseActivations(), BinaryConvolutions()])
    assert "Conv" not in op_types(graph)
    assert op_types(graph).count("LowBitConv") == (2 if weights == "two" else 1)
    x = (RNG.normal(size=(3, 4, 6, 5)) * 3).astype(np.float32)
    (expected,) = run_onnxruntime(model_from_text(text, constants), {"x": x})
    np.testing.assert_allclose(evaluate(graph, {"x": x})["y"], expected, atol=36 * 4 * 2.0**-22)
