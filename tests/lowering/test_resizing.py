"""Resize against ONNX Runtime: nearest to the bit, weighted sums within the bound of four terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.bounds import SLACK, gamma
from tests.support.onnx_models import model_from_text

SHAPE = (2, 3, 5, 6)
COORDINATES = [
    "align_corners",
    "asymmetric",
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
]
TARGETS: dict[str, tuple[str, dict[str, NDArray[Any]]]] = {
    "twice": ("x, , scales", {"scales": np.array([1, 1, 2, 2], np.float32)}),
    "odd scales": ("x, , scales", {"scales": np.array([1, 1, 1.7, 0.6], np.float32)}),
    "sizes": ("x, , , sizes", {"sizes": np.array([2, 3, 11, 4])}),
    "one row": ("x, , , sizes", {"sizes": np.array([2, 3, 1, 13])}),
    "channels too": ("x, , , sizes", {"sizes": np.array([2, 7, 5, 9])}),
}


def run_both(attributes: str, target: str, image: bool = False) -> tuple[Any, Any, Any]:
    operands, constants = TARGETS[target]
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    first = "MaxPool<kernel_shape=[1, 1]>" if image else "Identity"
    model = model_from_text(
        f"""g (float[2, 3, 5, 6] i) => (float[] y) {{
            x = {first}(i) y = Resize<{attributes}>({operands}) }}""",
        constants,
    )
    engine = bnn_engine.load(model)
    assert {layer.executor for layer in engine.summary().layers} == {"native"}
    (wanted,) = ort.run(model, {"i": x}).values()
    return x, engine.predict(x), wanted


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_nearest(rounding: str, coordinates: str, target: str) -> None:
    attributes = (
        f'mode="nearest", nearest_mode="{rounding}", coordinate_transformation_mode="{coordinates}"'
    )
    _, got, wanted = run_both(attributes, target)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "channels too"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("image", [False, True])
def test_linear(coordinates: str, target: str, image: bool) -> None:
    attributes = f'mode="linear", coordinate_transformation_mode="{coordinates}"'
    x, got, wanted = run_both(attributes, target, image)
    # Weights are rounded differences of coordinates of up to 16; two taps along each of two axes.
    bound = 2 * gamma(16 * SLACK) * np.abs(x).max()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("target", ["twice", "odd scales", "sizes"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("more", ["", ", cubic_coeff_a=-0.5", ", exclude_outside=1"])
def test_cubic(coordinates: str, target: str, more: str) -> None:
    attributes = f'mode="cubic", coordinate_transformation_mode="{coordinates}"{more}'
    x, got, wanted = run_both(attributes, target)
    bound = 2 * gamma(64 * SLACK) * np.abs(x).max()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=bound)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_any_batch(mode: str) -> None:
    model = model_from_text(
        f'g (float[N, 3, 5, 6] x) => (float[] y) {{ y = Resize<mode="{mode}">(x, , scales) }}',
        {"scales": np.array([1, 1, 2, 3], np.float32)},
    )
    engine = bnn_engine.load(model)
    x = np.random.default_rng(0).normal(size=(5, 3, 5, 6)).astype(np.float32)
    whole = engine.predict(x)
    assert whole.shape == (5, 3, 10, 18)
    for row in range(5):
        np.testing.assert_array_equal(engine.predict(x[row : row + 1]), whole[row : row + 1])


@pytest.mark.parametrize(
    ("attributes", "operands"),
    [
        ('mode="linear", antialias=1', "x, , scales"),
        ('coordinate_transformation_mode="tf_crop_and_resize"', "x, roi, scales"),
        ('keep_aspect_ratio_policy="not_larger"', "x, , , sizes"),
    ],
)
def test_what_runs_in_python(attributes: str, operands: str) -> None:
    constants = {
        "scales": np.array([1, 1, 0.5, 0.5], np.float32),
        "roi": np.array([0, 0, 0.1, 0.2, 1, 1, 0.9, 1], np.float32),
        "sizes": np.array([1, 1, 3, 5]),
    }
    used = {name: array for name, array in constants.items() if name in operands}
    model = model_from_text(
        f"g (float[1, 1, 6, 8] x) => (float[] y) {{ y = Resize<{attributes}>({operands}) }}", used
    )
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 8)).astype(np.float32)
    (wanted,) = ort.run(model, {"x": x}).values()
    np.testing.assert_allclose(bnn_engine.load(model).predict(x), wanted, rtol=0, atol=1e-5)
