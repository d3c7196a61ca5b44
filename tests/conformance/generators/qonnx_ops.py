"""Writes what the reference executor of QONNX answers for random uses of its quantization ops.

``python qonnx_ops.py FOLDER`` writes ``ops.npz``: ``cases`` is a JSON list of op, attributes and
the shapes of all inputs and of the output; ``numbers`` holds their elements in that order.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper
from qonnx.custom_op.registry import getCustomOp

MODES = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38, 0.49999997, -0.49999997]


class Recorder:
    """Runs ops and keeps what went in and came out."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(7)
        self.cases: list[dict[str, object]] = []
        self.numbers: list[np.ndarray] = []

    def run(self, op: str, inputs: list[np.ndarray], version: int = 1, **attributes: Any) -> None:
        names = [f"i{position}" for position in range(len(inputs))]
        node = helper.make_node(op, names, ["y"], domain="qonnx.custom_op.general", **attributes)
        context = dict(zip(names, [array.copy() for array in inputs], strict=True))
        with np.errstate(all="ignore"):
            getCustomOp(node, onnx_opset_version=version).execute_node(context, None)
        arrays = [*inputs, np.asarray(context["y"])]
        assert all(array.dtype == np.float32 for array in arrays), op
        shapes = [list(array.shape) for array in arrays]
        self.cases.append({"op": op, "attributes": attributes, "shapes": shapes})
        self.numbers += [array.reshape(-1) for array in arrays]

    def around(self, shape: tuple[int, ...], unit: float, reach: float) -> np.ndarray:
        """Numbers up to ``reach`` units: random ones, multiples of half a unit, special ones."""
        count = int(np.prod(shape))
        x = self.random.uniform(-reach, reach, count)
        ties = np.round(x * 2) / 2
        x = np.where(self.random.random(count) < 0.5, ties, x) * unit
        where = self.random.choice(count, size=min(count // 3, len(SPECIAL)), replace=False)
        x[where] = self.random.permutation(SPECIAL)[: len(where)]
        return x.reshape(shape).astype(np.float32)


def number(value: object) -> np.ndarray:
    return np.asarray(value, np.float32)


def int_quant(recorder: Recorder) -> None:
    flags = list(itertools.product(MODES, (0, 1), (0, 1)))
    for bits in [1, 2, 3, 4, 5, 6, 7, 8, 1.5, 2.585]:
        for mode, signed, narrow in flags:
            scale = float(recorder.random.choice([1.0, 0.5, 0.1, 0.037, -0.25]))
            zeropt = float(recorder.random.choice([0, 0, 0, 1, -2, 0.5]))
            x = recorder.around((20,), scale, 2.0**bits + 1)
            inputs = [x, number(scale), number(zeropt), number(bits)]
            written = mode if recorder.random.random() < 0.8 else mode.lower()
            recorder.run("IntQuant", inputs, rounding_mode=written, signed=signed, narrow=narrow)
    for bits, signed, rank in itertools.product([1, 2, 4, 8], (0, 1), (2, 4)):
        channels = (1, 3, 1, 1)[:rank]
        shape = (2, 3, 2, 2)[:rank]
        scales = recorder.random.uniform(0.05, 0.4, channels).astype(np.float32)
        points = recorder.random.integers(-1, 2, channels).astype(np.float32)
        x = recorder.around(shape, 0.2, 2.0**bits + 1)
        recorder.run(
            "IntQuant",
            [x, scales, points, number(bits)],
            rounding_mode="ROUND",
            signed=signed,
            narrow=0,
        )


def bipolar_quant(recorder: Recorder) -> None:
    for scale in (1, 0.3, [[0.5], [-2]], [0.1]):
        recorder.run("BipolarQuant", [recorder.around((2, 20), 1, 3), number(scale)])


def trunc(recorder: Recorder) -> None:
    for mode in MODES:
        for dropped in (0, 1, 3):
            scale, zeropt = 0.125, float(recorder.random.choice([0, 1, -3]))
            x = recorder.around((24,), scale, 40)
            inputs = [x, number(scale), number(zeropt), number(6)]
            recorder.run("Trunc", [*inputs, number(6 - dropped)], rounding_mode=mode)
            for signed, narrow in itertools.product((0, 1), (0, 1)):
                out_scale = scale * 2**dropped * float(recorder.random.choice([1, 1.2, 0.8]))
                recorder.run(
                    "Trunc",
                    [*inputs, number(out_scale), number(4)],
                    version=2,
                    rounding_mode=mode,
                    signed=signed,
                    narrow=narrow,
                )


def multi_threshold(recorder: Recorder) -> None:
    layouts = [((2, 3), ""), ((2, 3), "NC"), ((2, 4, 3), ""), ((2, 3, 4), "NCW")]
    layouts += [((2, 4, 3), "NWC"), ((2, 3, 2, 2), ""), ((2, 3, 2, 2), "NCHW")]
    layouts += [((2, 2, 2, 3), "NHWC"), ((1, 3, 1, 2, 2), ""), ((1, 3, 1, 2, 2), "NCDHW")]
    for (shape, layout), per_channel, levels in itertools.product(layouts, (False, True), (1, 4)):
        x = recorder.around(shape, 1, 4)
        thresholds = recorder.random.integers(-6, 7, (3 if per_channel else 1, levels)) / 2
        scale, bias = recorder.random.choice([1.0, 2.0, 0.3]), recorder.random.choice([0, -1, 0.7])
        attributes: dict[str, Any] = {"out_scale": float(scale), "out_bias": float(bias)}
        if layout:
            attributes["data_layout"] = layout
        inputs = [x, thresholds.astype(np.float32)]
        recorder.run("MultiThreshold", inputs, out_dtype="UINT4", **attributes)


def xnor_popcount_matmul(recorder: Recorder) -> None:
    for a, b in (((3, 9), (9, 4)), ((1, 64), (64, 2)), ((2, 3, 5), (5, 3))):
        operands = [recorder.random.integers(0, 2, shape).astype(np.float32) for shape in (a, b)]
        recorder.run("XnorPopcountMatMul", operands)


def main(folder: Path) -> None:
    recorder = Recorder()
    for record in (int_quant, bipolar_quant, trunc, multi_threshold, xnor_popcount_matmul):
        record(recorder)
    np.savez_compressed(
        folder / "ops.npz",
        cases=np.frombuffer(json.dumps(recorder.cases).encode(), np.uint8),
        numbers=np.concatenate(recorder.numbers),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
