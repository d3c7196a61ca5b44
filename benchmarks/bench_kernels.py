"""Single layers: packed, in the engine's own float kernels, and in ONNX Runtime.

    pytest benchmarks/bench_kernels.py

One group per layer and batch, one thread. The shapes are those that papers and other engines
publish (ResNet's 3x3 convolutions, square and AlexNet-like dense layers) and the first layers of
the shipped networks. Every runtime's answer is checked against the packed engine's before it is
timed. What ``roofline.py`` measures at the first case tells what share of the machine's limit each
reaches. `-m large` runs the cases that are left out because they take long.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import onnx
import pytest
from layers import ConvLayer, DenseLayer, Layer
from programs import ProgramError
from pytest_benchmark.fixture import BenchmarkFixture
from roofline import Roofline, measure_once
from runtimes import LABELS, Runtime, load_runtime

import bnn_engine

_NUM_THREADS = 1

_CASES: tuple[tuple[Layer, tuple[int, ...]], ...] = (
    (ConvLayer("W1A1", 56, 64, 64), (1,)),
    (ConvLayer("W1A1", 28, 128, 128), (1,)),
    (ConvLayer("W1A1", 14, 256, 256), (1,)),
    (ConvLayer("W1A1", 7, 512, 512), (1,)),
    (DenseLayer("W1A1", 1024, 1024), (1, 16, 256)),
    (DenseLayer("W1A1", 9216, 4096), (1, 16, 256)),
    (ConvLayer("W1A32", 28, 1, 32), (1,)),
    (ConvLayer("W1A32", 32, 3, 128), (1,)),
    (DenseLayer("W1A32", 784, 128), (1, 64, 1024)),
    (ConvLayer("float", 56, 64, 64), (1,)),
    (ConvLayer("float", 14, 256, 256), (1,)),
    (DenseLayer("float", 1024, 1024), (1, 16, 256)),
)
_LARGE_MACS = 5 * 10**9  # a call of the float kernels takes from a tenth of a second on


def _cases() -> Iterator[object]:
    for layer, batches in _CASES:
        for batch in batches:
            marks = [pytest.mark.large] if layer.macs * batch > _LARGE_MACS else []
            for runtime in LABELS:
                if layer.kind == "float" and runtime == "float":
                    continue  # the same kernels as "packed"
                name = f"{layer.name}-batch{batch}-{runtime}"
                yield pytest.param(layer, batch, runtime, id=name, marks=marks)


@lru_cache(maxsize=1)
def _model(layer: Layer) -> onnx.ModelProto:
    return layer.model()


@lru_cache(maxsize=len(LABELS))
def _runtime(layer: Layer, name: str) -> Runtime | None:
    return load_runtime(name, _model(layer), _NUM_THREADS)


@pytest.fixture(scope="session")
def roofline(request: pytest.FixtureRequest) -> Roofline | None:
    """The limits of the machine, measured once a session; None and a message where that fails."""
    try:
        return measure_once()
    except ProgramError as error:
        message = f"\nno shares of the machine's limits: {error}"
        plugins = request.config.pluginmanager
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            plugins.getplugin("terminalreporter").write_line(message)
        return None


@pytest.mark.parametrize(("layer", "batch", "runtime"), list(_cases()))
def bench_layer(
    benchmark: BenchmarkFixture,
    request: pytest.FixtureRequest,
    layer: Layer,
    batch: int,
    runtime: str,
) -> None:
    packed, candidate = _runtime(layer, "packed"), _runtime(layer, runtime)
    if candidate is None:
        pytest.skip(f"{runtime} is not installed")
    assert packed is not None
    x = layer.inputs(batch)
    _check(candidate.predict(x), packed.predict(x), exact=layer.kind == "W1A1")

    benchmark.group = f"{layer.name} batch {batch}"
    benchmark(candidate.predict, x)

    macs = layer.macs * batch
    benchmark.extra_info |= {
        "layer": layer.name,
        "kind": layer.kind,
        "runtime": runtime,
        "version": candidate.version,
        "isa": bnn_engine.cpu_info().active_isa,
        "num_threads": _NUM_THREADS,
        "shape": list(x.shape),
        "macs": macs,
        "macs_with_padding": layer.macs_with_padding * batch,
    }
    if benchmark.stats is not None:  # None under --benchmark-disable
        rate = macs / benchmark.stats.stats.min * 1e-9
        limits: Roofline | None = request.getfixturevalue("roofline")
        binary = layer.kind == "W1A1" and runtime == "packed"
        benchmark.extra_info |= {"gmac_per_s": rate} | _shares(rate, limits, binary)


def _shares(rate: float, limits: Roofline | None, binary: bool) -> dict[str, float]:
    """What share of the limit of its kind of kernel a rate is, and that limit."""
    if limits is None:
        return {}
    if binary:
        b = limits.b.gmac_per_s
        return {"share_of_b": rate / b, "b_gmac_per_s": b}
    peak = limits.fma.gmac_per_s
    return {"share_of_fma_peak": rate / peak, "fma_peak_gmac_per_s": peak}


def _check(got: object, wanted: object, exact: bool) -> None:
    """Fail unless the answers agree: sums of ±1 exactly, float sums up to their rounding."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    tolerance = 0.0 if exact else 1e-4 * float(np.abs(wanted).max())
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)
