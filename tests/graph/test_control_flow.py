"""If, Loop and Scan against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import BnnError
from tests.support import ort
from tests.support.onnx_models import model_from_text

Array = NDArray[Any]
X = np.arange(12, dtype=np.float32).reshape(3, 4) - 4


def agrees(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    wanted, found = ort.run(model, feeds), bnn_engine.load(model).run(feeds)
    for name, reference in wanted.items():
        assert found[name].dtype == reference.dtype
        np.testing.assert_array_equal(found[name], reference)
    return found


LOOP = """g (float[3, 4] x, int64 trips, bool go)
        => (float[3, 4] last, float[] all, float[] sums) {{
    one = Constant<value_float = 1.0>()
    last, all, sums = Loop (trips, go, x) <body = b (int64 i, bool c, float[3, 4] h) =>
        (bool d, float[3, 4] next, float[3, 4] copy, float s) {{
            f = Cast<to = 1>(i)
            a = Add(h, f)
            next = Add(a, one)
            copy = Identity(next)
            s = ReduceSum<keepdims = 0>(next)
            limit = Constant<value_float = 60.0>()
            d = {condition}
        }}>
}}"""


@pytest.mark.parametrize("trips", [0, 1, 5])
@pytest.mark.parametrize("go", [True, False])
def test_loop_that_counts(trips: int, go: bool) -> None:
    """Scalars that iterations give are stacked to a vector; without iterations it is empty."""
    model = model_from_text(LOOP.format(condition="Identity(c)"))
    found = agrees(model, {"x": X, "trips": np.asarray(trips), "go": np.asarray(go)})
    assert found["sums"].shape == (trips if go else 0,)


def test_loop_that_ends_by_its_condition() -> None:
    model = model_from_text(LOOP.format(condition="Less(s, limit)"))
    found = agrees(model, {"x": X, "trips": np.asarray(100), "go": np.asarray(True)})
    assert 1 < len(found["sums"]) < 100


@pytest.mark.parametrize("condition", [True, False])
def test_if_reads_values_from_outside_at_any_depth(condition: bool) -> None:
    model = model_from_text(
        """g (float[3, 4] x, bool c) => (float[] y) {
            r = Relu(x)
            y = If (c) <
                then_branch = t () => (float[] p) {
                    p = If (c) <
                        then_branch = u () => (float[] q) { q = Add(r, x) },
                        else_branch = v () => (float[] q) { q = Identity(x) }>
                },
                else_branch = e () => (float[] p) { p = Neg(r) }>
        }"""
    )
    agrees(model, {"x": X, "c": np.asarray(condition)})


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        ", scan_input_axes = [1], scan_output_axes = [1]",
        ", scan_input_directions = [1], scan_output_directions = [1]",
        ", scan_input_axes = [-1], scan_output_axes = [-1], scan_output_directions = [1]",
    ],
)
def test_scan(attributes: str) -> None:
    size = X.shape[1 if "axes" in attributes else 0]
    width = X.size // size
    model = model_from_text(
        f"""g (float[3, 4] x, float[{width}] start) => (float[{width}] end, float[] sums) {{
            end, sums = Scan (start, x) <num_scan_inputs = 1{attributes},
                body = b (float[{width}] h, float[{width}] row) =>
                    (float[{width}] next, float[{width}] copy) {{
                        next = Add(h, row)
                        copy = Mul(next, row)
                    }}>
        }}"""
    )
    agrees(model, {"x": X, "start": np.ones(width, np.float32)})


def test_pooling_in_a_body_runs_vectorised() -> None:
    """Bodies run by the same functions as the graph: onnx.reference takes seconds for this."""
    model = model_from_text(
        """g (float[1, 8, 64, 64] x, bool c) => (float[] y) {
            y = If (c) <
                then_branch = t () => (float[] p) {
                    p = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(x) },
                else_branch = e () => (float[] p) { p = Neg(x) }>
        }"""
    )
    x = np.random.default_rng(0).normal(size=(1, 8, 64, 64)).astype(np.float32)
    agrees(model, {"x": x, "c": np.asarray(True)})


def test_wrong_shapes_in_a_body_are_bnn_errors() -> None:
    model = model_from_text(
        """g (float[3, N] x, bool c) => (float[] y) {
            w = Constant<value_floats = [1.0, 2.0]>()
            y = If (c) <
                then_branch = t () => (float[] p) { p = Add(x, w) },
                else_branch = e () => (float[] p) { p = Neg(x) }>
        }"""
    )
    with pytest.raises(BnnError, match="If"):
        bnn_engine.load(model).run({"x": X, "c": np.asarray(True)})
