import numpy as np
import pytest

from bnn_engine.passes.multi_threshold import MultiThresholds
from tests.support.onnx_models import op_types
from tests.support.rewrites import around, rewritten


def _text(extents: str, layout: str = "", scale: float = 1, bias: float = 0) -> str:
    return f"""g (float[{extents}] x) => (float[{extents}] y) {{
        y = qonnx.custom_op.general.MultiThreshold<out_dtype = "UINT4", data_layout = "{layout}",
            out_scale = {scale:.3f}, out_bias = {bias:.3f}>(x, t)
    }}"""


def _thresholds(channels: int, levels: int) -> dict[str, np.ndarray]:
    t = around((channels, levels), 1, 5, seed=levels)  # unsorted, infinities and NaN among them
    return {"t": t}


@pytest.mark.parametrize("levels", [1, 3, 15])
@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first(levels: int, channels: int) -> None:
    for shape, extents in (((90, 3), "N, 3"), ((9, 3, 2, 5), "N, 3, 2, 5")):
        text = _text(extents, scale=0.3, bias=-0.7)
        x = around(shape, 1, 6)
        graph = rewritten(text, _thresholds(channels, levels), [MultiThresholds()], x)
        assert op_types(graph) == ["Quantize"]


@pytest.mark.parametrize(
    ("extents", "shape", "layout"),
    [
        ("N, 2, 5, 3", (9, 2, 5, 3), "NHWC"),
        ("N, 5, 3", (9, 5, 3), ""),
        ("N, 5, 3", (9, 5, 3), "NWC"),
    ],
)
def test_channels_last(extents: str, shape: tuple[int, ...], layout: str) -> None:
    x = around(shape, 1, 6)
    graph = rewritten(_text(extents, layout), _thresholds(3, 4), [MultiThresholds()], x)
    assert op_types(graph) == ["Transpose", "Quantize", "Transpose"]
    alike = rewritten(_text(extents, layout), _thresholds(1, 4), [MultiThresholds()], x)
    assert op_types(alike) == ["Quantize"]


@pytest.mark.parametrize(
    ("extents", "shape", "layout"),
    [("N, 3", (60, 3), ""), ("N, 3, 2, 2", (9, 3, 2, 2), ""), ("N, 2, 2, 3", (9, 2, 2, 3), "NHWC")],
)
def test_many_thresholds_are_counted(extents: str, shape: tuple[int, ...], layout: str) -> None:
    text = _text(extents, layout, scale=0.5, bias=1)
    for channels, levels in ((3, 16), (1, 40), (3, 60)):
        thresholds = _thresholds(channels, levels)
        graph = rewritten(text, thresholds, [MultiThresholds()], around(shape, 1, 6))
        counts = [op for op in op_types(graph) if op not in ("Transpose", "Mul")]
        parts = -(-levels // 15)
        assert sorted(counts) == ["Add"] * parts + ["Quantize"] * parts


def test_values_that_are_not_finite() -> None:
    text = _text("N, 3").replace("out_scale = 1.000", "out_scale = 3e38")
    graph = rewritten(text, _thresholds(3, 4), [MultiThresholds()], around((60, 3), 1, 6))
    assert op_types(graph) == ["Quantize", "Mul", "Add"]


def test_thresholds_that_are_computed_stay() -> None:
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        t = ReduceMax(x, axes)
        y = qonnx.custom_op.general.MultiThreshold(x, t)
    }"""
    x = np.arange(3, dtype=np.float32).reshape(1, 3)
    graph = rewritten(text, {"axes": np.array([1])}, [MultiThresholds()], x)
    assert "MultiThreshold" in op_types(graph)
