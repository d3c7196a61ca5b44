"""Measures binary kernels and layers against the machine's limits and beside other runtimes.

    pip install onnxruntime openvino 'larq-compute-engine[tensorflow]'
    python benchmarks/compare_layers.py
    python benchmarks/compare_layers.py --parts kernels --rounds 9
    python benchmarks/compare_layers.py --parts layers --layers conv3x3 --seconds 5 --json

One run measures the roofline, then kernels alone (``kernels.py``), then layers beside their peers.
A layer takes float32, binarizes it, multiplies it by ±1 weights and gives float32: the 3x3
convolutions of ResNet-18 and dense layers. Every runtime's answer is compared with NumPy's before
anything is timed. Calls take turns; one thread each. The rate of a layer, without taps that lie in
the padding, is related to B, what ``roofline.py`` measures in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import kernels
import numpy as np
from larq_binary import load_larq
from layers import ConvLayer, DenseLayer, Layer
from openvino_binary import load_openvino
from programs import ProgramError
from roofline import Roofline, measure
from runtimes import Floats, load_runtime
from tables import cpu_name, table, times
from turns import Latency, latencies

import bnn_engine

__all__ = ["Case", "Figures", "Report", "main", "to_json", "to_markdown"]

_LABELS = {
    "packed": "bnn_engine",
    "openvino": "OpenVINO BinaryConvolution",
    "larq": "Larq Compute Engine",
    "onnxruntime": "ONNX Runtime float32",
}

# Packages of the peers.
_PACKAGES = {
    "openvino": "openvino",
    "larq": "'larq-compute-engine[tensorflow]'",
    "onnxruntime": "onnxruntime",
}


@dataclass(frozen=True)
class Case:
    """A layer at a batch size."""

    layer: Layer
    batch: int

    @property
    def name(self) -> str:
        """The layer without its kind, and the batch."""
        return f"{self.layer.name.removeprefix('W1A1-')}-batch{self.batch}"


_CONVOLUTIONS = ((56, 64), (28, 128), (14, 256), (7, 512))
CASES = tuple(
    Case(ConvLayer("W1A1", size, channels, channels, nhwc_output=nhwc), 1)
    for nhwc in (False, True)
    for size, channels in _CONVOLUTIONS
) + tuple(
    Case(DenseLayer("W1A1", features, outputs), batch)
    for features, outputs in ((1024, 1024), (9216, 4096))
    for batch in (1, 16, 256)
)


@dataclass(frozen=True)
class Figures:
    """What was measured for one case.

    Attributes:
        name: of the case.
        macs: multiply-accumulates of a call, without taps that lie in the padding.
        batch: rows or images of a call.
        weight_bytes: size of the weights as bits.
        latencies: by runtime.
    """

    name: str
    macs: int
    batch: int
    weight_bytes: int
    latencies: Mapping[str, Latency]

    def gmac_per_s(self, runtime: str) -> float:
        """The rate of a runtime's fastest call."""
        return self.macs / self.latencies[runtime].min * 1e-3

    def ratio(self, peer: str) -> tuple[float, float]:
        """How many times a peer's minimum and median are this engine's."""
        packed, other = self.latencies["packed"], self.latencies[peer]
        return other.min / packed.min, other.p50 / packed.p50

    def share_of_bandwidth(self, roofline: Roofline) -> float | None:
        """What a batch of 1 reads of its weights a second, over what the machine reads.

        None for larger batches and where no buffer of that size was measured.
        """
        if self.batch != 1:
            return None
        for bandwidth in roofline.memory.values():
            if bandwidth and bandwidth.bytes == self.weight_bytes:
                rate = self.weight_bytes / self.latencies["packed"].min * 1e-3
                return rate / bandwidth.read_gb_per_s
        return None


@dataclass(frozen=True)
class Report:
    """All figures of a run.

    Attributes:
        cpu: what the operating system calls the processor.
        isa: instruction set of this engine's kernels.
        versions: of the runtimes, by name; those that are not installed are left out.
        roofline: limits of the machine, None where they could not be measured.
        kernels: one entry per figure; empty where they were not, or could not be measured.
        cases: one entry per case.
    """

    cpu: str
    isa: str
    versions: Mapping[str, str]
    roofline: Roofline | None
    kernels: Sequence[kernels.Measured]
    cases: Sequence[Figures]


# -- measuring -------------------------------------------------------------------------------------


def _measure(case: Case, seconds: float, versions: dict[str, str]) -> Figures:
    layer, x = case.layer, case.layer.inputs(case.batch)
    wanted = layer.answer(x)
    model = layer.model()
    calls: dict[str, Callable[[], Any]] = {}
    for name in ("packed", "onnxruntime"):
        if runtime := load_runtime(name, model, num_threads=1):
            _check(name, runtime.predict(x), wanted)
            versions[name], calls[name] = runtime.version, partial(runtime.predict, x)
    if openvino := load_openvino(layer, case.batch):
        call = openvino.bind(x)
        call()
        _check("openvino", openvino.output(), wanted)
        versions["openvino"], calls["openvino"] = openvino.version, call
    if larq := load_larq(layer, case.batch):
        _check("larq", larq.predict(x), wanted)
        versions["larq"], calls["larq"] = larq.version, partial(larq.predict, x)
    weight_bytes = layer.weights().size // 8
    measured = latencies(calls, seconds)
    return Figures(case.name, layer.macs * case.batch, case.batch, weight_bytes, measured)


def _check(runtime: str, got: Floats, wanted: Floats) -> None:
    """End the program unless the sums, integers that float32 holds exactly, are equal."""
    if not np.array_equal(np.asarray(got).reshape(wanted.shape), wanted):
        raise SystemExit(f"error: {_LABELS[runtime]} gives another answer than NumPy")


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


# -- writing ---------------------------------------------------------------------------------------


def to_json(report: Report) -> str:
    """Write the figures as JSON, with the ratios and shares of the tables."""
    figures = asdict(report)
    if report.roofline:
        figures["roofline"]["b_gmac_per_s"] = report.roofline.b.gmac_per_s
        figures["roofline"]["fma_gmac_per_s"] = report.roofline.fma.gmac_per_s
    figures["kernels"] = [one.to_json(report.roofline) for one in report.kernels]
    for written, case in zip(figures["cases"], report.cases, strict=True):
        written["gmac_per_s"] = {name: case.gmac_per_s(name) for name in case.latencies}
        written["ratios"] = {
            peer: dict(zip(("min", "p50"), case.ratio(peer), strict=True))
            for peer in case.latencies
            if peer != "packed"
        }
        if report.roofline:
            b = report.roofline.b.gmac_per_s
            written["share_of_b"] = {name: case.gmac_per_s(name) / b for name in case.latencies}
            written["share_of_bandwidth"] = case.share_of_bandwidth(report.roofline)
    return json.dumps(figures, indent=2)


def to_markdown(report: Report) -> str:
    """Write the figures as Markdown tables."""
    names = [name for name in _LABELS if name in report.versions]
    versions = [f"{_LABELS[name]} {report.versions[name]}" for name in names]
    head = ", ".join([report.cpu, f"kernels for {report.isa}", "1 thread", *versions]) + "."
    if report.roofline:
        head += (
            f" B = {report.roofline.b.gmac_per_s:,.0f} GMAC/s at "
            f"{report.roofline.clock_ghz:.2f} GHz, real taps only; "
            f"float peak {report.roofline.fma.gmac_per_s:,.1f} GMAC/s."
        )
    parts = [head]
    if report.kernels:
        legend = (
            "µs of a call: the fastest of all rounds / the median of the rounds' fastest calls; "
            "rates and shares are those of the former."
        )
        parts += [legend, kernels.to_markdown(report.kernels, report.roofline)]
    if report.cases:
        legend = (
            "µs of a call (minimum / median); in brackets how many times faster bnn_engine is. "
            "`-nhwc`: NCHW in, NHWC out, otherwise both NCHW."
        )
        parts += [legend, _layer_table(report, names), *_bandwidths(report)]
    return "\n\n".join(parts)


def _layer_table(report: Report, names: Sequence[str]) -> str:
    rows = [["layer, float32 → float32", *(_LABELS[name] for name in names)]]
    for case in report.cases:
        cells = []
        for name in names:
            cell = times(case.latencies[name])
            if name != "packed":
                least, median = case.ratio(name)
                cell += f" ({least:.2f}× / {median:.2f}×)"
            if report.roofline and name != "onnxruntime":
                cell += f" {case.gmac_per_s(name) / report.roofline.b.gmac_per_s:.2f} B"
            cells.append(cell)
        rows.append([case.name, *cells])
    return table(rows)


def _bandwidths(report: Report) -> Iterator[str]:
    """A sentence for each case whose weights are as large as a buffer of the roofline."""
    for case in report.cases:
        if report.roofline and (share := case.share_of_bandwidth(report.roofline)):
            yield (
                f"{case.name}: bnn_engine's call reads its {case.weight_bytes / 1e6:.1f} MB of "
                f"weights at {share:.0%} of the bandwidth measured for a buffer of that size."
            )


# -- command line ----------------------------------------------------------------------------------


_PARTS = ("kernels", "layers")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    description, _, _ = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description,
        epilog="example: python benchmarks/compare_layers.py --parts layers "
        "--layers conv3x3 1024x1024 --seconds 5 --json",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=_PARTS,
        default=_PARTS,
        help="what to measure after the roofline: kernels alone, layers beside their peers "
        "(default: both)",
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=5,
        metavar="N",
        help="how often to measure each kernel (default: 5)",
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="TEXT",
        help="only layers whose name contains one of these (default: all, "
        f"{CASES[0].name} to {CASES[-1].name})",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        metavar="S",
        help="time to spend on each layer, all runtimes together (default: 3)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    arguments = _arguments(argv)
    cases = [
        case
        for case in CASES
        if arguments.layers is None or any(text in case.name for text in arguments.layers)
    ]
    if not cases:
        names = ", ".join(case.name for case in CASES)
        raise SystemExit(f"error: no layer has such a name; there are {names}")
    roofline = None
    _progress("roofline")
    try:
        roofline = measure()
    except ProgramError as error:
        _progress(f"shares of the machine's limits are left out: {error}")
    cpu = bnn_engine.cpu_info()
    alone: list[kernels.Measured] = []
    if "kernels" in arguments.parts:
        _progress("kernels alone")
        try:
            alone = kernels.measure(arguments.rounds, cpu.supported_isas, cpu.active_isa)
        except ProgramError as error:
            _progress(f"kernels alone are left out: {error}")
    versions: dict[str, str] = {}
    figures = []
    if "layers" in arguments.parts:
        for case in cases:
            _progress(case.name)
            figures.append(_measure(case, arguments.seconds, versions))
        for name, package in _PACKAGES.items():
            if name not in versions:
                _progress(f"{_LABELS[name]} is left out: pip install {package}")
    report = Report(cpu_name(), cpu.active_isa, versions, roofline, alone, figures)
    print(to_json(report) if arguments.json else to_markdown(report))


if __name__ == "__main__":
    main()
