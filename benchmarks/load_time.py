"""Measures how long models take to load.

    python benchmarks/load_time.py
    python benchmarks/load_time.py --json mynetwork.onnx

Without files: the shipped networks, and Bi-Real-18 and ResNet50 with random weights, which are
written to a temporary folder. Prints a Markdown table in milliseconds. Every file is loaded in a
new process: "first" is its first ``bnn_engine.load``, which imports onnx too; "warm" are the
minimum and the median of the loads after it. The packed file is what ``Engine.save`` makes of the
model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from large_networks import LARGE_NETWORKS
from tables import cpu_name, table

import bnn_engine

__all__ = ["LoadTimes", "main", "measure"]

_SHIPPED = ("mnist-bmlp", "mnist-bcnn", "mnist-mlp", "mnist-cnn")

_PROGRAM = """
import gc, json, sys
from time import perf_counter
import bnn_engine
times = []
for _ in range(int(sys.argv[2]) + 1):
    start = perf_counter()
    bnn_engine.load(sys.argv[1])
    times.append(perf_counter() - start)
    gc.collect()
print(json.dumps(times))
"""


@dataclass(frozen=True)
class LoadTimes:
    """Milliseconds.

    Attributes:
        first: of the first load of a process.
        warm_min, warm_median: of those after it.
    """

    first: float
    warm_min: float
    warm_median: float


@dataclass(frozen=True)
class _Row:
    name: str
    file_bytes: int
    packed_bytes: int
    file: LoadTimes
    packed: LoadTimes


def measure(path: Path, num_loads: int) -> LoadTimes:
    """Load ``path`` in a new process once, and ``num_loads`` times more."""
    command = [sys.executable, "-c", _PROGRAM, str(path), str(num_loads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *warm = (1e3 * seconds for seconds in json.loads(done.stdout))
    warm.sort()
    return LoadTimes(first, warm[0], warm[len(warm) // 2])


def _measure_both(name: str, path: Path, num_loads: int) -> _Row:
    with TemporaryDirectory() as folder:
        packed = Path(folder) / "packed.onnx"
        bnn_engine.load(path).save(packed)
        sizes = path.stat().st_size, packed.stat().st_size
        return _Row(name, *sizes, measure(path, num_loads), measure(packed, num_loads))


def _markdown(rows: Sequence[_Row]) -> str:
    header = ("network", "file", "first", "warm min / median", "packed", "first", "warm")
    return f"{table([header, *map(_cells, rows)])}\n\nMilliseconds on {cpu_name()}."


def _cells(row: _Row) -> tuple[str, ...]:
    cells = [row.name]
    for size, times in ((row.file_bytes, row.file), (row.packed_bytes, row.packed)):
        warm = f"{times.warm_min:.1f} / {times.warm_median:.1f}"
        cells += [f"{size / 1e6:.2f} MB", f"{times.first:.1f}", warm]
    return tuple(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="*", help="models to load")
    parser.add_argument("--num-loads", type=int, default=9, help="warm loads of each file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    rows = []
    with TemporaryDirectory() as folder:
        files = {path.name: path for path in options.files}
        if not files:
            files = {name: bnn_engine.models.path(name) for name in _SHIPPED}
            for name, build in LARGE_NETWORKS.items():
                files[name] = Path(folder) / f"{name}.onnx"
                files[name].write_bytes(build().SerializeToString())
        for name, path in files.items():
            sys.stderr.write(f"{name}\n")
            rows.append(_measure_both(name, path, options.num_loads))
    text = json.dumps([asdict(row) for row in rows], indent=2) if options.json else _markdown(rows)
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
