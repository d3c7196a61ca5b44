"""The four shipped networks: packed, in the engine's own float kernels, and in ONNX Runtime.

    pytest benchmarks/bench_models.py

One group per network and batch, one thread, input handwritten digits as float32 pixels 0..255.
Runtimes are timed one after the other; for ratios between them take ``compare.py``, which
interleaves their calls.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from runtimes import LABELS, Runtime, load_runtime

import bnn_engine
from bnn_engine.datasets import digits

_NUM_THREADS = 1
_NETWORKS = ("mnist-mlp", "mnist-bmlp", "mnist-cnn", "mnist-bcnn")
_BATCHES = (1, 64, 1024)


@pytest.fixture(scope="session")
def packed_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each network as a packed file."""
    folder = tmp_path_factory.mktemp("packed")
    files = {network: folder / f"{network}.onnx" for network in _NETWORKS}
    for network, file in files.items():
        bnn_engine.load(bnn_engine.models.path(network)).save(file)
    return files


@lru_cache
def _runtime(name: str, file: Path) -> Runtime | None:
    return load_runtime(name, file, _NUM_THREADS)


@pytest.mark.parametrize("runtime", LABELS)
@pytest.mark.parametrize("batch", _BATCHES, ids=lambda batch: f"batch{batch}")
@pytest.mark.parametrize("network", _NETWORKS)
def bench_network(
    benchmark: BenchmarkFixture,
    packed_files: dict[str, Path],
    network: str,
    batch: int,
    runtime: str,
) -> None:
    source = bnn_engine.models.path(network)
    file = packed_files[network] if runtime == "packed" else source
    candidate = _runtime(runtime, file)
    if candidate is None:
        pytest.skip(f"{runtime} is not installed")
    x = digits().images[:batch].astype(np.float32)

    benchmark.group = f"{network} batch {batch}"
    result = benchmark(candidate.predict, x)

    assert np.asarray(result).shape == (batch, 10)
    benchmark.extra_info |= {
        "network": network,
        "runtime": runtime,
        "version": candidate.version,
        "isa": bnn_engine.cpu_info().active_isa,
        "num_threads": _NUM_THREADS,
        "shape": list(x.shape),
        "share_of_zeros": float((x == 0).mean()),
        "onnx_bytes": source.stat().st_size,
        "packed_bytes": packed_files[network].stat().st_size,
    }
    if benchmark.stats is not None:  # None under --benchmark-disable
        benchmark.extra_info["us_per_sample"] = benchmark.stats.stats.min / batch * 1e6
