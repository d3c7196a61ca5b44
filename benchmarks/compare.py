"""Measures the shipped networks in this engine, its float kernels and ONNX Runtime, side by side.

    python benchmarks/compare.py
    python benchmarks/compare.py --mnist DIR --json > figures.json
    python benchmarks/compare.py --input random

Prints Markdown tables: accuracy and size, latencies, and what a new process costs. The runtimes
take turns of a few calls, so that drifts of the clock rate and other load hit all of them alike;
all ratios are those of one run. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from processes import ProcessFigures, measure_processes
from runtimes import LABELS, PEERS, Runtime, load_runtime
from tables import cpu_name, table, times
from turns import Latency, latencies

import bnn_engine
from bnn_engine.datasets import LabelledImages, digits, load_idx
from bnn_engine.errors import DatasetError

__all__ = ["Latency", "NetworkFigures", "Report", "main", "to_json", "to_markdown"]

_NETWORKS = ("mnist-bmlp", "mnist-bcnn", "mnist-mlp", "mnist-cnn")
_BATCHES = (1, 64, 1024)
_INPUTS = {
    "images": "images, pixels 0..255 as float32",
    "random": "random real pixels between 0 and 255",
}
_CHUNK = 250


@dataclass(frozen=True)
class NetworkFigures:
    """What was measured for one network.

    Attributes:
        name: of the shipped model.
        onnx_bytes: size of its ONNX file.
        packed_bytes: size of the file that ``Engine.save`` makes of it.
        accuracy: share of images classified correctly, by runtime.
        differing: images that a runtime gives another class than the packed network, by runtime.
        latencies: by batch, by runtime.
    """

    name: str
    onnx_bytes: int
    packed_bytes: int
    accuracy: Mapping[str, float]
    differing: Mapping[str, int]
    latencies: Mapping[int, Mapping[str, Latency]]


@dataclass(frozen=True)
class Report:
    """All figures of a run.

    Attributes:
        isa: instruction set of the kernels.
        cpu: what the operating system calls the processor.
        num_threads: threads that a call could use.
        versions: of the runtimes, by name.
        data: what the accuracy was measured on.
        num_images: how many images that is.
        input: what the latencies were measured on.
        networks: one entry per network.
        processes: what a new process costs, None where it was not measured.
    """

    isa: str
    cpu: str
    num_threads: int
    versions: Mapping[str, str]
    data: str
    num_images: int
    input: str
    networks: Sequence[NetworkFigures]
    processes: ProcessFigures | None


# -- measuring -------------------------------------------------------------------------------------


def _measure_network(
    name: str,
    data: LabelledImages,
    inputs: Mapping[int, NDArray[np.float32]],
    num_threads: int,
    seconds: float,
) -> tuple[NetworkFigures, list[Runtime]]:
    source = bnn_engine.models.path(name)
    with TemporaryDirectory() as folder:
        packed = Path(folder) / f"{name}.packed.onnx"
        bnn_engine.load(source).save(packed)
        packed_bytes = packed.stat().st_size
        loaded = [
            load_runtime(key, packed if key == "packed" else source, num_threads) for key in LABELS
        ]
    runtimes = [runtime for runtime in loaded if runtime is not None]
    _progress(f"{name}: accuracy")
    classes = {runtime.name: _classify(runtime, data.images) for runtime in runtimes}
    measured = {}
    for batch, x in inputs.items():
        _progress(f"{name}: batch {batch}")
        calls = {runtime.name: partial(runtime.predict, x) for runtime in runtimes}
        measured[batch] = latencies(calls, seconds)
    figures = NetworkFigures(
        name,
        source.stat().st_size,
        packed_bytes,
        {key: float((got == data.labels).mean()) for key, got in classes.items()},
        {key: int((got != classes["packed"]).sum()) for key, got in classes.items()},
        measured,
    )
    return figures, runtimes


def _input(kind: str, images: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
    """Images of the data set, or as many of random pixels."""
    if kind == "random":
        pixels = np.random.default_rng(batch).uniform(0, 255, (batch, images.shape[1]))
        return pixels.astype(np.float32)
    return np.resize(images, (batch, images.shape[1])).astype(np.float32)


def _classify(runtime: Runtime, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    chunks = (images[first : first + _CHUNK] for first in range(0, len(images), _CHUNK))
    return np.concatenate([runtime.predict(x.astype(np.float32)).argmax(axis=1) for x in chunks])


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


# -- writing ---------------------------------------------------------------------------------------


def to_json(report: Report) -> str:
    """Write the figures as JSON, with the ratios that the tables show."""
    figures = asdict(report)
    for network, measured in zip(figures["networks"], report.networks, strict=True):
        network["ratios"] = {
            batch: {
                peer: {
                    key: getattr(by_runtime[peer], key) / getattr(by_runtime["packed"], key)
                    for key in ("min", "p50")
                }
                for peer in PEERS
                if peer in by_runtime
            }
            for batch, by_runtime in measured.latencies.items()
        }
    return json.dumps(figures, indent=2)


def to_markdown(report: Report) -> str:
    """Write the figures as Markdown tables."""
    peers = [peer for peer in PEERS if peer in report.versions]
    threads = "1 thread" if report.num_threads == 1 else f"{report.num_threads} threads"
    versions = f"bnn_engine {report.versions['packed']}"
    if "onnxruntime" in report.versions:
        versions += f", ONNX Runtime {report.versions['onnxruntime']}"
    parts = [
        f"{report.cpu}, kernels for {report.isa}, {threads}, {versions}.",
        f"Accuracy on {report.num_images:,} images ({report.data}).",
        table(_accuracy_rows(report, peers)),
        f"Latency of a call in µs (minimum / median) on {report.input}, NumPy in, NumPy out; in "
        "brackets how many times faster packed is.",
        table(_latency_rows(report, peers)),
    ]
    if report.processes is not None:
        parts += ["New processes, minimum of several:", table(_process_rows(report.processes))]
    return "\n\n".join(parts)


def _accuracy_rows(report: Report, peers: Sequence[str]) -> list[list[str]]:
    names = ["packed", *peers]
    header = [
        "network",
        "ONNX file",
        "packed file",
        *(f"accuracy {LABELS[name]}" for name in names),
    ]
    rows = [header]
    for network in report.networks:
        accuracies = []
        for name in names:
            differing = network.differing[name]
            note = f" ({differing} differ)" if differing else ""
            accuracies.append(f"{network.accuracy[name]:.2%}{note}")
        sizes = (f"{size / 1000:.1f} kB" for size in (network.onnx_bytes, network.packed_bytes))
        rows.append([network.name, *sizes, *accuracies])
    return rows


def _latency_rows(report: Report, peers: Sequence[str]) -> list[list[str]]:
    rows = [["network", "batch", *(LABELS[name] for name in ("packed", *peers))]]
    for network in report.networks:
        for batch, by_runtime in network.latencies.items():
            packed = by_runtime["packed"]
            cells = [times(packed)]
            for peer in peers:
                time = by_runtime[peer]
                ratios = f"{time.min / packed.min:.1f}× / {time.p50 / packed.p50:.1f}×"
                cells.append(f"{times(time)} ({ratios})")
            rows.append([network.name, str(batch), *cells])
    return rows


def _process_rows(figures: ProcessFigures) -> list[list[str]]:
    rows = [["what", "ms"]]
    for what, seconds in figures.rows():
        rows.append([what, "–" if seconds is None else f"{seconds * 1e3:.1f}"])
    return rows


# -- command line ----------------------------------------------------------------------------------


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    description, _, _ = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description,
        epilog="example: python benchmarks/compare.py --mnist ~/mnist --networks mnist-bmlp "
        "--batches 1 64 --json",
    )
    parser.add_argument(
        "--mnist",
        type=Path,
        metavar="DIR",
        help="folder with MNIST's t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz "
        "(default: the 1,797 digits that ship with the package)",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=_NETWORKS,
        default=_NETWORKS,
        metavar="NAME",
        help=f"shipped networks to measure (default: {' '.join(_NETWORKS)})",
    )
    parser.add_argument(
        "--batches",
        nargs="+",
        type=_positive,
        default=_BATCHES,
        metavar="N",
        help=f"batch sizes (default: {' '.join(map(str, _BATCHES))})",
    )
    parser.add_argument(
        "--input",
        choices=tuple(_INPUTS),
        default="images",
        help="what latencies are measured on: images of the data set, or random pixels, none of "
        "them 0 or an integer (default: images)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        metavar="S",
        help="time to spend on each network and batch, all runtimes together (default: 3)",
    )
    parser.add_argument(
        "--num-threads", type=_positive, default=1, metavar="N", help="threads (default: 1)"
    )
    parser.add_argument(
        "--process-runs",
        type=int,
        default=10,
        metavar="N",
        help="new processes per figure, 0 leaves these figures out (default: 10)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    arguments = _arguments(argv)
    try:
        data = digits() if arguments.mnist is None else load_idx(arguments.mnist)
        if not len(data.labels):
            raise DatasetError(f"'{arguments.mnist}' holds no images")
        report = _measure(arguments, data)
    except bnn_engine.BnnError as error:
        raise SystemExit(f"error: {error}") from None
    print(to_json(report) if arguments.json else to_markdown(report))


def _measure(arguments: argparse.Namespace, data: LabelledImages) -> Report:
    inputs = {batch: _input(arguments.input, data.images, batch) for batch in arguments.batches}
    networks: list[NetworkFigures] = []
    versions: dict[str, str] = {}
    for name in arguments.networks:
        figures, runtimes = _measure_network(
            name, data, inputs, arguments.num_threads, arguments.seconds
        )
        networks.append(figures)
        versions |= {runtime.name: runtime.version for runtime in runtimes}
    zeros = np.mean([(x == 0).mean() for x in inputs.values()])
    processes = None
    if arguments.process_runs > 0:
        processes = measure_processes(arguments.process_runs, _progress)
    return Report(
        isa=bnn_engine.cpu_info().active_isa,
        cpu=cpu_name(),
        num_threads=arguments.num_threads,
        versions=versions,
        data="the shipped digits" if arguments.mnist is None else "the MNIST test set",
        num_images=len(data.labels),
        input=f"{_INPUTS[arguments.input]}, {zeros:.0%} of them 0",
        networks=networks,
        processes=processes,
    )


if __name__ == "__main__":
    main()
