"""Small networks of few-bit activations and weights, as exporters write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.support.onnx_models import model_from_text

__all__ = ["ACTIVATIONS", "WEIGHTS", "Activation", "low_bit_model", "weights_of"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Activation:
    """A quantization of ``x`` to ``s``.

    Attributes:
        nodes: it, in the text syntax of ONNX.
        kind: what summaries call it.
        exact: whether sums of its values times integers are exact in float32.
        rises: whether it becomes thresholds that greater numbers reach.
    """

    nodes: str
    kind: str
    exact: bool = True
    rises: bool = True


def _rounded(low: int, high: int, tail: str) -> str:
    low_end, high_end = (f"Constant<value = float {{{end}.0}}>()" for end in (low, high))
    return f"low = {low_end} high = {high_end} c = Clip(x, low, high) r = Round(c) {tail}"


_SCALED = "k = Constant<value = float {{{scale}}}>() s = Mul(r, k)"
_ODD = (
    "two = Constant<value = float {2.0}>() t = Constant<value = float {3.0}>() "
    "m = Mul(r, two) o = Sub(m, t) k = Constant<value = float {0.25}>() s = Mul(o, k)"
)
_TWO = "p = Greater(x, zero) a = Constant<value = float {{{a}}}>() "
_TWO += "b = Constant<value = float {{{b}}}>() s = Where(p, a, b)"

ACTIVATIONS = {
    "signs": Activation("p = Greater(x, zero) s = Where(p, one, minus)", "A1"),
    "zero and one": Activation("p = Greater(x, zero) s = Cast<to = 1>(p)", "A1"),
    "plus and minus a half": Activation(_TWO.format(a=0.5, b=-0.5), "A1"),
    "zero and a quarter": Activation(_TWO.format(a=0.0, b=0.25), "A1", rises=False),
    "two with an offset": Activation(_TWO.format(a=0.8125, b=-0.1875), "A1"),
    "sign": Activation("s = Sign(x)", "A1", rises=False),
    "sign of relu": Activation("r = Relu(x) s = Sign(r)", "A1"),
    "ternary": Activation(_rounded(-1, 1, "s = Identity(r)"), "A2"),
    "ternary thirds": Activation(_rounded(-1, 1, _SCALED.format(scale=1 / 3)), "A2", exact=False),
    "two bits": Activation(_rounded(0, 3, _SCALED.format(scale=0.25)), "A2"),
    "two bits, thirds": Activation(_rounded(0, 3, _SCALED.format(scale=1 / 3)), "A2", exact=False),
    "two signed bits": Activation(_rounded(-2, 1, _SCALED.format(scale=0.5)), "A2"),
    "odd": Activation(_rounded(0, 3, _ODD), "A2"),
    "three bits": Activation(_rounded(0, 7, "s = Identity(r)"), "A3"),
    "four signed bits": Activation(_rounded(-8, 7, "s = Identity(r)"), "A4"),
    "three bits with an offset": Activation(
        _rounded(0, 4, "k = Constant<value = float {0.59375}>() s = Add(r, k)"), "A3"
    ),
}

WEIGHTS = {
    "signs": ([-1, 1], "W1"),
    "zero and one": ([0, 1], "W1"),
    "ternary": ([-1, 0, 1], "W2"),
    "two signed bits": ([-2, -1, 0, 1], "W2"),
    "odd": ([-3, -1, 1, 3], "W2"),
    "three bits": ([-4, -1, 0, 2, 3], "W3"),
    "four bits": ([-8, -3, 0, 2, 7], "W4"),
}


def weights_of(name: str, random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Weights that take all levels of ``WEIGHTS[name]`` in every row that is long enough."""
    levels = np.array(WEIGHTS[name][0], np.float32)
    chosen = random.choice(levels, shape)
    rows = chosen.reshape(shape[0], -1)
    size = min(len(levels), rows.shape[1])
    rows[:, :size] = levels[:size]
    return chosen


def low_bit_model(
    shape: tuple[int, ...], activation: str | None, nodes: str, constants: dict[str, Floats]
) -> onnx.ModelProto:
    """``nodes`` read ``s``, the quantized input ``x``, and give ``y``."""
    extents = ", ".join(["N", *(str(extent) for extent in shape[1:])])
    quantize = ACTIVATIONS[activation].nodes if activation is not None else ""
    scalars = {"zero": 0.0, "one": 1.0, "minus": -1.0}
    return model_from_text(
        f"g (float[{extents}] x) => (float[] y) {{ {quantize} {nodes} }}",
        {**{name: np.array(v, np.float32) for name, v in scalars.items()}, **constants},
    )
