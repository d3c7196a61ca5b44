"""One network in several runtimes: accuracy, file size and latency of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

import bnn_engine
from bnn_engine.baseline import load_float
from bnn_engine.datasets import LabelledImages
from bnn_engine.timing import interleaved_latencies

__all__ = ["Comparison", "Runtime", "compare"]

_CHUNK = 250

Predict = Callable[[NDArray[np.float32]], Any]


@dataclass(frozen=True)
class Runtime:
    """What one runtime makes of the network.

    Attributes:
        name: "packed", "float" (the engine's own float kernels) or "onnxruntime".
        version: of the runtime.
        file_bytes: size of the file it loads.
        correct: by data set, how many images it classifies correctly.
        differing: by data set, how many images it gives another class than the first runtime does.
        seconds: latencies at batch 1.
    """

    name: str
    version: str
    file_bytes: int
    correct: Mapping[str, int]
    differing: Mapping[str, int]
    seconds: NDArray[np.float64]

    @property
    def fastest_us(self) -> float:
        """Lowest latency in microseconds."""
        return float(self.seconds.min()) * 1e6

    @property
    def median_us(self) -> float:
        """Median latency in microseconds."""
        return float(np.median(self.seconds)) * 1e6


@dataclass(frozen=True)
class Comparison:
    """A network in all runtimes.

    Attributes:
        network: its name.
        binary: whether layers run as XNOR + popcount.
        runtimes: the packed network first.
    """

    network: str
    binary: bool
    runtimes: tuple[Runtime, ...]

    def speed_up(self, runtime: Runtime) -> float:
        """How many times faster the packed network is, by the lowest latencies."""
        return runtime.fastest_us / self.runtimes[0].fastest_us


def compare(
    network: str,
    data: Mapping[str, LabelledImages],
    num_threads: int,
    num_runs: int,
    progress: Progress,
) -> Comparison:
    """Evaluate and time a shipped network.

    Args:
        network: name of a shipped model.
        data: images by name of the data set.
        num_threads: threads that each runtime may use.
        num_runs: timed calls per runtime.
        progress: gets a task of its own while this runs.
    """
    source = bnn_engine.models.path(network)
    with TemporaryDirectory() as folder:
        packed_path = Path(folder) / f"{network}.packed.onnx"
        bnn_engine.load(source).save(packed_path)
        packed_bytes = packed_path.stat().st_size
        packed = bnn_engine.load(packed_path, num_threads)
    binary = any(layer.binary_macs for layer in packed.summary().layers)
    own = bnn_engine.__version__
    candidates: dict[str, tuple[str, int, Predict]] = {
        "packed": (own, packed_bytes, packed.predict)
    }
    onnx_bytes = source.stat().st_size
    if binary:
        candidates["float"] = (own, onnx_bytes, load_float(source, num_threads).predict)
    peer = _onnxruntime(source, num_threads)
    if peer is not None:
        candidates["onnxruntime"] = (peer[0], onnx_bytes, peer[1])

    num_images = sum(len(images.labels) for images in data.values())
    task = progress.add_task(network, total=len(candidates) * (num_images + num_runs))
    advance = partial(progress.advance, task)
    classes = {
        name: {key: _classify(predict, part.images, advance) for key, part in data.items()}
        for name, (_, _, predict) in candidates.items()
    }
    one = next(iter(data.values())).images[:1].astype(np.float32)
    seconds = interleaved_latencies(
        {name: partial(predict, one) for name, (_, _, predict) in candidates.items()},
        num_runs,
        progress=advance,
    )
    progress.remove_task(task)
    runtimes = (
        Runtime(
            name,
            version,
            file_bytes,
            correct={
                key: int((classes[name][key] == part.labels).sum()) for key, part in data.items()
            },
            differing={
                key: int((classes[name][key] != classes["packed"][key]).sum()) for key in data
            },
            seconds=seconds[name],
        )
        for name, (version, file_bytes, _) in candidates.items()
    )
    return Comparison(network, binary, tuple(runtimes))


def _classify(
    predict: Predict, images: NDArray[np.uint8], advance: Callable[[int], Any]
) -> NDArray[np.int64]:
    classes = []
    for first in range(0, len(images), _CHUNK):
        chunk = images[first : first + _CHUNK]
        classes.append(predict(chunk.astype(np.float32)).argmax(axis=1))
        advance(len(chunk))
    return np.concatenate(classes)


def _onnxruntime(path: Path, num_threads: int) -> tuple[str, Predict] | None:
    """Load ``path`` into ONNX Runtime with its usual optimisations.

    Returns:
        Its version and the network as a function; None where it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(x: NDArray[np.float32]) -> Any:
        return session.run(None, {name: x})[0]

    return onnxruntime.__version__, predict
