"""``bnn-engine demo``: binarized networks read handwritten digits, and are compared with float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

import bnn_engine
from bnn_engine.cli.comparison import Comparison, Runtime, compare
from bnn_engine.cli.console import OUT, print_json, progress_bar
from bnn_engine.cli.drawing import draw
from bnn_engine.cli.options import AsJson, NumRuns, NumThreads, examples
from bnn_engine.datasets import LabelledImages, digits, load_idx
from bnn_engine.errors import DatasetError

__all__ = ["EPILOG", "demo"]

EPILOG = examples("bnn-engine demo", "bnn-engine demo --num-runs 200 --json")

_NETWORKS = ("mnist-bmlp", "mnist-bcnn", "mnist-mlp", "mnist-cnn")
_READER = "mnist-bcnn"
_SIDE = 28
_DIGITS_A_LINE = 5
_DIGITS, _MNIST = "digits", "MNIST"


def demo(
    mnist: Annotated[
        Path | None,
        typer.Option(
            help="Folder with MNIST's t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or "
            ".gz: evaluates these 10,000 images too.",
            metavar="DIR",
        ),
    ] = None,
    num_threads: NumThreads = 1,
    num_runs: NumRuns = 1000,
    as_json: AsJson = False,
) -> None:
    """Classify handwritten digits with the networks that ship with the package.

    Shows some of the digits (UCI optdigits, CC BY 4.0) as they are read, then for each network its
    accuracy, the size of its file and its latency per image: packed, in the engine's own float
    kernels, and in ONNX Runtime where that is installed.
    """
    data = {_DIGITS: digits()}
    if mnist is not None:
        data[_MNIST] = _mnist_test_images(mnist)
    if not as_json:
        _show_digits(data[_DIGITS])
    with progress_bar() as progress:
        found = [compare(name, data, num_threads, num_runs, progress) for name in _NETWORKS]
    if as_json:
        print_json(_figures(found, data, num_threads, num_runs))
    else:
        _show_tables(found, data, num_threads, num_runs)


def _mnist_test_images(folder: Path) -> LabelledImages:
    images = load_idx(folder, "test")
    if not len(images.labels) or images.images.shape[1] != _SIDE * _SIDE:
        raise DatasetError(f"'{folder}' does not hold images of {_SIDE}x{_SIDE} pixels")
    return images


# -- digits ----------------------------------------------------------------------------------------


def _show_digits(shipped: LabelledImages) -> None:
    """Draw one digit of each class with what the network reads in it."""
    engine = bnn_engine.load(bnn_engine.models.path(_READER))
    generator = np.random.default_rng(7)
    chosen = [generator.choice(np.flatnonzero(shipped.labels == label)) for label in range(10)]
    images, labels = shipped.images[chosen], shipped.labels[chosen]
    read = engine.predict(images).argmax(axis=1)
    OUT.print(f"Handwritten digits, as {_READER} reads them:\n", highlight=False)
    for first in range(0, len(chosen), _DIGITS_A_LINE):
        part = slice(first, first + _DIGITS_A_LINE)
        OUT.print(_line_of_digits(images[part], labels[part], read[part]), "", highlight=False)


def _line_of_digits(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], read: NDArray[np.int64]
) -> Table:
    table = Table.grid(padding=(0, 1))
    ascii_only = OUT.options.ascii_only
    for _ in images:
        table.add_column(no_wrap=True)
    table.add_row(*("\n".join(draw(image.reshape(_SIDE, _SIDE), ascii_only)) for image in images))
    table.add_row(
        *(
            Text(
                f"{label}, read as {answer}",
                style="green" if label == answer else "bold red",
                justify="center",
            )
            for label, answer in zip(labels, read, strict=True)
        )
    )
    return table


# -- tables ----------------------------------------------------------------------------------------


def _show_tables(
    found: Sequence[Comparison],
    data: Mapping[str, LabelledImages],
    num_threads: int,
    num_runs: int,
) -> None:
    evaluated = f"the {len(data[_DIGITS].labels):,} digits that ship with the package"
    if _MNIST in data:
        evaluated += f" and {len(data[_MNIST].labels):,} of MNIST"
    threads = "1 thread" if num_threads == 1 else f"{num_threads} threads"
    OUT.print(
        f"Accuracy on {evaluated}.\n"
        f"Latency of one image: {threads}, {num_runs:,} calls in turns, "
        f"{bnn_engine.cpu_info().active_isa} kernels.\n"
        "Speed-up: how many times faster the network runs in the first line than here.\n",
        highlight=False,
    )
    for comparison in found:
        OUT.print(_table(comparison, data))
        for note in _notes(comparison, data):
            OUT.print(note, highlight=False)
        OUT.print()
    if not any(runtime.name == "onnxruntime" for runtime in found[0].runtimes):
        OUT.print("To compare with ONNX Runtime: pip install onnxruntime", highlight=False)


def _table(comparison: Comparison, data: Mapping[str, LabelledImages]) -> Table:
    kind = "1-bit weights and activations" if comparison.binary else "float"
    table = Table(title=f"{comparison.network} ({kind})", title_justify="left")
    table.add_column("runtime", no_wrap=True)
    table.add_column("file", justify="right", no_wrap=True)
    for name in data:
        table.add_column(name, justify="right")
    for heading in ("fastest", "median", "speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for runtime in comparison.runtimes:
        is_first = runtime is comparison.runtimes[0]
        table.add_row(
            _label(runtime, comparison),
            f"{runtime.file_bytes / 1000:.1f} kB",
            *(f"{runtime.correct[name] / len(data[name].labels):.2%}" for name in data),
            _microseconds(runtime.fastest_us),
            _microseconds(runtime.median_us),
            "" if is_first else f"{comparison.speed_up(runtime):.1f}x",
            style="bold" if is_first else "",
        )
    return table


def _label(runtime: Runtime, comparison: Comparison) -> str:
    own = "packed" if comparison.binary else "bnn_engine"
    return {"packed": own, "float": "float kernels", "onnxruntime": "ONNX Runtime"}[runtime.name]


def _microseconds(latency: float) -> str:
    unit = "us" if OUT.options.ascii_only else "µs"
    return f"{latency:.1f} {unit}" if latency < 100 else f"{latency:.0f} {unit}"


def _notes(comparison: Comparison, data: Mapping[str, LabelledImages]) -> list[str]:
    """Whether all runtimes give the same classes."""
    notes = [
        f"{_label(runtime, comparison)} reads {runtime.differing[name]} of {name} differently."
        for runtime in comparison.runtimes
        for name in data
        if runtime.differing[name]
    ]
    return notes or ["All runtimes read every image alike."]


# -- JSON ------------------------------------------------------------------------------------------


def _figures(
    found: Sequence[Comparison],
    data: Mapping[str, LabelledImages],
    num_threads: int,
    num_runs: int,
) -> dict[str, Any]:
    """Return the figures as JSON has them."""

    def runtime_figures(comparison: Comparison, runtime: Runtime) -> dict[str, Any]:
        return {
            "name": runtime.name,
            "version": runtime.version,
            "file_bytes": runtime.file_bytes,
            "accuracy": {
                name: runtime.correct[name] / len(part.labels) for name, part in data.items()
            },
            "differing": dict(runtime.differing),
            "latency_us": {"min": runtime.fastest_us, "median": runtime.median_us},
            "packed_speed_up": comparison.speed_up(runtime),
        }

    return {
        "version": bnn_engine.__version__,
        "isa": bnn_engine.cpu_info().active_isa,
        "num_threads": num_threads,
        "num_runs": num_runs,
        "images": {name: len(part.labels) for name, part in data.items()},
        "networks": [
            {
                "name": comparison.network,
                "binary": comparison.binary,
                "runtimes": [
                    runtime_figures(comparison, runtime) for runtime in comparison.runtimes
                ],
            }
            for comparison in found
        ],
    }
