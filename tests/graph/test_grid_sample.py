from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnn_engine.graph.grid_sample import grid_sample
from tests.support import ort
from tests.support.onnx_models import model_from_text


@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("rank", [2, 3])
def test_against_onnx_runtime(rank: int, mode: str, padding: str, corners: int) -> None:
    if rank == 3 and mode == "cubic":
        pytest.skip("ONNX Runtime has it for images only")
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 3, 5, 6, 4)[: rank + 2]).astype(np.float32)
    grid = random.uniform(-2.5, 2.5, (*(2, 7, 4, 3)[: rank + 1], rank)).astype(np.float32)
    attributes: dict[str, Any] = {"mode": mode, "padding_mode": padding, "align_corners": corners}
    shapes = [", ".join(map(str, array.shape)) for array in (x, grid)]
    model = model_from_text(
        f"""g (float[{shapes[0]}] x, float[{shapes[1]}] q) => (float[] y) {{
            y = GridSample<mode = "{mode}", padding_mode = "{padding}", align_corners = {corners}>
                (x, q) }}"""
    )
    wanted = ort.run(model, {"x": x, "q": grid})["y"]
    (found,) = grid_sample([x, grid], attributes)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_names_of_older_opsets() -> None:
    x, grid = np.ones((1, 1, 4, 4), np.float32), np.zeros((1, 1, 1, 2), np.float32)
    for mode in ("bilinear", "bicubic"):
        np.testing.assert_allclose(grid_sample([x, grid], {"mode": mode})[0], 1, rtol=1e-6)
