"""Dense layers on flattened images of bits, whose pixels end in the middle of words."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.answers import assert_equal_answers
from tests.support.onnx_models import Array, model_from_text, signs

FORMS = {
    "signs": "g = Greater(x, zero)  b = Where(g, one, minus)",
    "ternary": "b = Sign(x)",
    "zero_or_one": "g = Greater(x, zero)  b = Cast<to = 1>(g)",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("image", [(33, 1, 2), (60, 2, 2), (100, 1, 2), (64, 1, 2), (3, 2, 2)])
@pytest.mark.parametrize("levels", [[-1, 1], [-1, 0, 1], [0, 1], [-3, -1, 0, 2]])
def test_rows_of_several_pixels(form: str, image: tuple[int, ...], levels: list[int]) -> None:
    """2 pixels of 33 channels have as many words as 66 channels."""
    random = np.random.default_rng(0)
    numbers: dict[str, Array] = {
        name: np.array(value, np.float32)
        for name, value in (("zero", 0), ("one", 1), ("minus", -1))
    }
    weights = random.choice(levels, (int(np.prod(image)), 5)).astype(np.float32)
    extents = ", ".join(map(str, image))
    model = model_from_text(
        f"""g (float[N, {extents}] x) => (float[] y) {{
            {FORMS[form]}  f = Flatten(b)  y = MatMul(f, w)
        }}""",
        {**numbers, "w": weights},
    )
    for x in (signs(random, (3, *image)), random.integers(-1, 2, (3, *image)).astype(np.float32)):
        assert_equal_answers(model, {"x": x})
