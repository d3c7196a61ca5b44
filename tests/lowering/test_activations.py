"""Recognised activations, alone and in front of binary layers, against ONNX Runtime."""

import numpy as np
import pytest

from tests.support.answers import assert_equal_answers
from tests.support.float_grid import grid
from tests.support.onnx_models import model_from_text, signs

NUMBERS = {"zero": 0, "one": 1, "minus": -1, "two": 2, "delta": 0.05, "tenth": 0.1, "half": 0.5}
CONSTANTS = {name: np.array(number, np.float32) for name, number in NUMBERS.items()}

# Their values are multiples of 1/2: sums of them are exact in any order.
FORMS = {
    "where": "p = Greater(x, zero)  a = Where(p, one, minus)",
    "scaled": "p = LessOrEqual(x, delta)  a = Where(p, half, minus)",
    "zero or one": "p = Greater(x, zero)  a = Cast<to = 1>(p)",
    "heaviside": """p = Less(x, zero)  q = Where(p, zero, one)  e = Equal(x, zero)
        a = Where(e, half, q)""",
    "outside": """p = LessOrEqual(x, minus)  q = Greater(x, one)  r = Or(p, q)
        a = Where(r, one, minus)""",
    "torch.sign": """p = Greater(x, zero)  q = Less(x, zero)  b = Cast<to = 1>(p)
        c = Cast<to = 1>(q)  a = Sub(b, c)""",
    "bitorch": "s = Sign(x)  p = Equal(s, zero)  a = Where(p, one, s)",
    "ste_sign": "s = Sign(x)  b = Add(s, tenth)  a = Sign(b)",
    "ste_heaviside": "r = Relu(x)  a = Sign(r)",
    "ste_tern": """b = Sub(x, delta)  c = Sign(b)  d = Add(x, delta)  e = Sign(d)  f = Add(e, c)
        a = Sign(f)""",
    "clip": "s = Sign(x)  c = Clip(x, minus, one)  d = Sub(s, c)  a = Add(d, c)",
    "round": """b = Add(x, one)  d = Div(b, two)  c = Clip(d, zero, one)  r = Round(c)
        m = Mul(r, two)  a = Sub(m, one)""",
    "two bits": "m = Mul(x, two)  c = Clip(m, minus, two)  r = Round(c)  a = Mul(r, half)",
}


@pytest.mark.parametrize("form", FORMS)
def test_alone(form: str) -> None:
    text = f"g (float[N, 5] x) => (float[N, 5] y) {{ {FORMS[form]}  y = Identity(a) }}"
    x = np.repeat(grid()[:, None], 5, axis=1)
    assert_equal_answers(model_from_text(text, CONSTANTS), {"x": x})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nan", [False, True])
def test_in_front_of_a_layer(form: str, nan: bool) -> None:
    text = f"""g (float[N, 40] x) => (float[N, 7] y) {{
        {FORMS[form]}  y = MatMul(a, w)
    }}"""
    rng = np.random.default_rng(0)
    numbers = grid()
    x = rng.choice(numbers[nan | ~np.isnan(numbers)], (50, 40))
    model = model_from_text(text, {**CONSTANTS, "w": signs(rng, (40, 7))})
    engine = assert_equal_answers(model, {"x": x})
    kinds = {layer.kind for layer in engine.summary().layers if layer.binary_macs}
    assert kinds <= {"W1A1", "W1A2"}
    assert kinds


@pytest.mark.parametrize("padded", [False, True])
def test_a_convolution_in_front_of_a_map_of_magnitudes_is_binary(padded: bool) -> None:
    pads = "[1, 1, 1, 1]" if padded else "[0, 0, 0, 0]"
    text = f"""g (float[N, 16, 8, 8] x) => (float[N, 12, A, B] y) {{
        a = Abs(x)  m = ReduceMean(a, channels)
        k = AveragePool<kernel_shape = [3, 3], pads = {pads}>(m)
        s = Sign(x)  c = Conv<pads = {pads}>(s, w)  y = Mul(c, k)
    }}"""
    rng = np.random.default_rng(0)
    constants = {"channels": np.array([1]), "w": signs(rng, (12, 16, 3, 3))}
    x = rng.integers(-4, 5, (2, 16, 8, 8)).astype(np.float32)
    engine = assert_equal_answers(model_from_text(text, constants), {"x": x}, executor=None)
    (layer,) = [layer for layer in engine.summary().layers if layer.binary_macs]
    assert (layer.op, layer.kind) == ("BinaryConv", "W1A1")


def test_a_scale_per_channel_in_front_of_a_convolution_keeps_it_in_float() -> None:
    text = """g (float[N, 4, 8, 8] x) => (float[N, 12, 6, 6] y) {
        s = Sign(x)  a = Mul(s, scale)  y = Conv(a, w)
    }"""
    rng = np.random.default_rng(0)
    scale = np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1, 1)
    constants = {"scale": scale, "w": signs(rng, (12, 4, 3, 3))}
    x = rng.integers(-4, 5, (2, 4, 8, 8)).astype(np.float32)
    engine = assert_equal_answers(model_from_text(text, constants), {"x": x}, executor=None)
    assert [layer.kind for layer in engine.summary().layers if layer.op.endswith("Conv")] != [
        "W1A1"
    ]
