"""What a new Python process pays: importing the package, loading a model, the first answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import bnn_engine

__all__ = ["ProcessFigures", "measure_processes"]

_NETWORK = "mnist-bmlp"

# Each program prints seconds, except those named FIRST_ANSWER: their time is taken from outside.
_IMPORT = """
from time import perf_counter
start = perf_counter()
import {package}
print(perf_counter() - start)
"""
_LOAD = """
from time import perf_counter
import bnn_engine
times = []
for _ in range(10):
    start = perf_counter()
    bnn_engine.load({path!r})
    times.append(perf_counter() - start)
print(times[0], min(times[1:]))
"""
_FIRST_ANSWER = """
import numpy, bnn_engine
x = numpy.full((1, 784), 128, numpy.float32)
print(bnn_engine.load({path!r}).predict(x).argmax(), flush=True)
"""
_FIRST_ANSWER_ONNXRUNTIME = """
import numpy, onnxruntime
x = numpy.full((1, 784), 128, numpy.float32)
session = onnxruntime.InferenceSession({path!r})
print(session.run(None, {{session.get_inputs()[0].name: x}})[0].argmax(), flush=True)
"""


@dataclass(frozen=True)
class ProcessFigures:
    """Seconds, each the minimum over several new processes; the network is mnist-bmlp.

    Attributes:
        import_numpy: ``import numpy`` alone, which the package needs.
        import_package: ``import bnn_engine``, numpy included.
        first_load: the first ``load`` of the ONNX file in a process, which imports onnx.
        warm_load: a later ``load`` of it.
        first_load_packed: as ``first_load`` for the packed file.
        warm_load_packed: as ``warm_load`` for the packed file.
        first_answer_packed: from the start of the process to its first answer on the packed file.
        first_answer_onnxruntime: the same for ONNX Runtime on the ONNX file; None if it is absent.
    """

    import_numpy: float
    import_package: float
    first_load: float
    warm_load: float
    first_load_packed: float
    warm_load_packed: float
    first_answer_packed: float
    first_answer_onnxruntime: float | None

    def rows(self) -> Iterator[tuple[str, float | None]]:
        """Yield what was measured in words, and the seconds."""
        yield "`import bnn_engine`", self.import_package
        yield "of which `import numpy`", self.import_numpy
        yield f"load {_NETWORK}.onnx, first in the process (imports onnx)", self.first_load
        yield f"load {_NETWORK}.onnx, warm", self.warm_load
        yield f"load packed {_NETWORK}, first in the process", self.first_load_packed
        yield f"load packed {_NETWORK}, warm", self.warm_load_packed
        yield f"new process to first answer, packed {_NETWORK}", self.first_answer_packed
        yield (
            f"new process to first answer, ONNX Runtime, {_NETWORK}.onnx",
            self.first_answer_onnxruntime,
        )


def measure_processes(runs: int, progress: Callable[[str], None]) -> ProcessFigures:
    """Start ``runs`` processes for each figure.

    Args:
        runs: at least 1.
        progress: is told what is measured next.
    """
    source = bnn_engine.models.path(_NETWORK)
    with TemporaryDirectory() as folder:
        packed = Path(folder) / f"{_NETWORK}.packed.onnx"
        bnn_engine.load(source).save(packed)

        def fastest(program: str) -> list[float]:
            printed = [_run(program, folder)[1] for _ in range(runs)]
            rows = [[float(word) for word in text.split()] for text in printed]
            return [min(column) for column in zip(*rows, strict=True)]

        def first_answer(program: str) -> float:
            return min(_run(program, folder)[0] for _ in range(runs))

        progress("processes: import")
        import_numpy = fastest(_IMPORT.format(package="numpy"))[0]
        import_package = fastest(_IMPORT.format(package="bnn_engine"))[0]
        progress("processes: load")
        first_load, warm_load = fastest(_LOAD.format(path=str(source)))
        first_load_packed, warm_load_packed = fastest(_LOAD.format(path=str(packed)))
        progress("processes: first answer")
        first_answer_packed = first_answer(_FIRST_ANSWER.format(path=str(packed)))
        first_answer_onnxruntime = None
        if find_spec("onnxruntime") is not None:
            program = _FIRST_ANSWER_ONNXRUNTIME.format(path=str(source))
            first_answer_onnxruntime = first_answer(program)
    return ProcessFigures(
        import_numpy=import_numpy,
        import_package=import_package,
        first_load=first_load,
        warm_load=warm_load,
        first_load_packed=first_load_packed,
        warm_load_packed=warm_load_packed,
        first_answer_packed=first_answer_packed,
        first_answer_onnxruntime=first_answer_onnxruntime,
    )


def _run(program: str, folder: str) -> tuple[float, str]:
    """Run a program in a new process; seconds from its start to its first line, and that line.

    It runs in ``folder``, so that the installed package is imported whatever the caller's folder.
    """
    command = [sys.executable, "-c", program]
    start = perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"a measured process failed with exit code {process.returncode}")
    return seconds, line
