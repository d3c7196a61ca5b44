"""Windows that reach over the edges of images, also over both at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, model_from_text, signs

INPUTS = {
    "signs": "b = Where(g, plus, minus)",
    "ternary": "b = Sign(x)",
    "zero_or_one": "b = Cast<to = 1>(g)",
    "float": "b = Mul(x, plus)",
}
KERNELS = [
    ([3, 3], [1, 1], [1, 1, 1, 1]),
    ([3, 3], [2, 2], [2, 2, 2, 2]),
    ([3, 3], [3, 1], [3, 1, 3, 1]),
    ([5, 2], [1, 3], [4, 3, 0, 3]),
    ([2, 7], [1, 1], [1, 6, 1, 6]),
    ([1, 3], [1, 4], [0, 4, 2, 4]),
]


@pytest.mark.parametrize("form", INPUTS)
@pytest.mark.parametrize(("kernel", "dilations", "pads"), KERNELS)
@pytest.mark.parametrize("image", [(1, 1), (1, 2), (2, 1), (2, 3), (4, 4)])
def test_images_smaller_than_the_window(
    form: str, kernel: list[int], dilations: list[int], pads: list[int], image: tuple[int, int]
) -> None:
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if any(image[a] + pads[a] + pads[a + 2] < spans[a] for a in range(2)):
        pads = [max(pads[a % 2], spans[a % 2] - 1) for a in range(4)]
    random = np.random.default_rng(0)
    constants: dict[str, Array] = {
        "w": signs(random, (6, 67, *kernel)),
        "zero": np.zeros((), np.float32),
        "plus": np.ones((), np.float32),
        "minus": -np.ones((), np.float32),
    }
    for strides in ([1, 1], [2, 1]):
        text = f"strides = {strides}, dilations = {dilations}, pads = {pads}"
        model = model_from_text(
            f"""g (float[N, 67, {image[0]}, {image[1]}] x) => (float[] y) {{
                g = Greater(x, zero)  {INPUTS[form]}  y = Conv<{text}>(b, w)
            }}""",
            constants,
        )
        x = random.integers(-2, 3, (3, 67, *image)).astype(np.float32)
        assert_equal_answers(model, {"x": x})


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("form", ["signs", "ternary", "zero_or_one"])
def test_explicit_pads(value: float, layout: str, form: str) -> None:
    """tf2onnx pads in NHWC, before the Transpose."""
    random = np.random.default_rng(1)
    constants: dict[str, Any] = {
        "w": signs(random, (5, 9, 3, 3)),
        "zero": np.zeros((), np.float32),
        "plus": np.ones((), np.float32),
        "minus": -np.ones((), np.float32),
        "value": np.full((), value, np.float32),
        "frame": np.array([0, 0, 1, 0, 0, 0, 2, 1]),
        "frame_last": np.array([0, 1, 0, 0, 0, 2, 1, 0]),
    }
    shape, body = ((9, 2, 3), "p = Pad(b, frame, value)")
    if layout == "nhwc":
        shape = (2, 3, 9)
        body = "q = Pad(b, frame_last, value)  p = Transpose<perm = [0, 3, 1, 2]>(q)"
    extents = ", ".join(map(str, shape))
    model = model_from_text(
        f"""g (float[N, {extents}] x) => (float[] y) {{
            g = Greater(x, zero)  {INPUTS[form]}  {body}  y = Conv(p, w)
        }}""",
        constants,
    )
    x = random.integers(-2, 3, (3, *shape)).astype(np.float32)
    assert_equal_answers(model, {"x": x})
