"""Random element-wise expressions: what is recognised computes the same, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes import run_passes
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.straight_through import straight_through
from tests.support.float_grid import grid
from tests.support.onnx_models import (
    Array,
    graph_from_text,
    model_from_text,
    op_types,
    run_onnxruntime,
)

CHANNELS = 3
SCALARS = [-3.0, -1.0, -0.5, -0.0, 0.05, 0.1, 0.37, 0.5, 1.0, 1.5, 2.0, 3.0, 1e-20, 1e30, np.inf]
PER_CHANNEL: list[list[float]] = [[-1, 0, 1], [0.5, 0.5, -2], [3, 1e-3, -np.inf]]
CONSTANTS: dict[str, Array] = {
    **{f"c{i}": np.array(number, np.float32) for i, number in enumerate(SCALARS)},
    **{
        f"v{i}": np.array(numbers, np.float32).reshape(1, CHANNELS, 1)
        for i, numbers in enumerate(PER_CHANNEL)
    },
    "truth": np.array(True),
}
STEPS = ["Sign", "Round", "Floor", "Ceil"]
SMOOTH = ["Relu", "Abs", "Neg", "LeakyRelu", "HardSigmoid", "Identity"]
ARITHMETIC = ["Add", "Sub", "Mul", "Min", "Max"]
COMPARISONS = ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"]
LOGIC = ["And", "Or", "Xor"]
# Both bounds: of infinities with one, ONNX Runtime and the reference make different things.
BOUNDS = ["c1, c8", "c3, c8", "c3, c11"]


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Nodes that compute y from x, each of earlier values and constants."""
    floats, bools, lines = ["x"], list[str](), list[str]()
    constants = [name for name in CONSTANTS if name != "truth"]

    def operand() -> str:
        return draw(st.sampled_from(floats * 3 + constants))

    def truth() -> str:
        return draw(st.sampled_from(bools))

    for i in range(draw(st.integers(2, 8))):
        kinds = ["step", "step", "smooth", "sum", "sum", "divide", "clip", "compare", "compare"]
        if bools:
            kinds += ["where", "where", "cast", "logic"]
        kind, name = draw(st.sampled_from(kinds)), f"n{i}"
        recent = draw(st.sampled_from(floats[-2:]))
        if kind == "step":
            lines.append(f"{name} = {draw(st.sampled_from(STEPS))}({recent})")
        elif kind == "smooth":
            lines.append(f"{name} = {draw(st.sampled_from(SMOOTH))}({recent})")
        elif kind == "divide":  # by constants: dividing by zeros shows their sign
            lines.append(f"{name} = Div({recent}, {draw(st.sampled_from(constants))})")
        elif kind == "sum":
            pair = draw(st.permutations([recent, operand()]))
            lines.append(f"{name} = {draw(st.sampled_from(ARITHMETIC))}({', '.join(pair)})")
        elif kind == "clip":
            lines.append(f"{name} = Clip({recent}, {draw(st.sampled_from(BOUNDS))})")
        elif kind == "compare":
            op = draw(st.sampled_from(COMPARISONS))
            lines.append(f"{name} = {op}({recent}, {operand()})")
        elif kind == "where":
            lines.append(f"{name} = Where({truth()}, {operand()}, {operand()})")
        elif kind == "cast":
            lines.append(f"{name} = Cast<to = 1>({truth()})")
        else:
            op = draw(st.sampled_from(LOGIC))
            lines.append(f"{name} = {op}({truth()}, {draw(st.sampled_from([*bools, 'truth']))})")
        (bools if kind in ("compare", "logic") else floats).append(name)
    last = (
        f"Identity({floats[-1]})"
        if not bools or draw(st.booleans())
        else f"Cast<to = 1>({truth()})"
    )
    return "  ".join([*lines, f"y = {last}"])


def test_recognised_expressions_are_equal() -> None:
    recognised: list[bool] = []

    @settings(max_examples=400, deadline=None)
    @given(body=bodies())
    def check(body: str) -> None:
        recognised.append(_is_recognised(body))

    check()
    assert sum(recognised) > len(recognised) // 4


def _is_recognised(body: str) -> bool:
    """Whether y becomes Binarize or Quantize; it then has to be equal."""
    text = f"g (float[N, {CHANNELS}, 1] x) => (float[N, {CHANNELS}, 1] y) {{ {body} }}"
    graph = graph_from_text(text, CONSTANTS)
    if any(straight_through(node) for node in graph.nodes):
        return False  # these may differ in the last bits
    run_passes(graph, [RecogniseActivations()])
    if not {"Binarize", "Quantize"}.intersection(op_types(graph)):
        return False
    found = [v.const.reshape(-1) for v in graph.constants() if v.const is not None]
    bounds = np.concatenate([c[np.isfinite(c)] for c in found if c.dtype == np.float32])
    numbers = grid(*SCALARS[:-2], *bounds)
    x = np.repeat(numbers[:, None, None], CHANNELS, axis=1)
    got = evaluate(graph, {"x": x})["y"]
    model = model_from_text(text, CONSTANTS)
    np.testing.assert_array_equal(got, run_onnxruntime(model, {"x": x})[0])
    with np.errstate(all="ignore"):
        reference = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_array_equal([got], reference)
    return True
