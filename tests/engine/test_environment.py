"""Environment variables, what is imported when, and what the machine is."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import IsaError
from tests.support import isas

Run = Callable[..., str]


def test_import_is_light(in_new_process: Run) -> None:
    code = "import sys, bnn_engine; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    loaded = set(in_new_process(code).split())
    assert "numpy" in loaded
    assert not loaded & {"onnx", "google", "onnxruntime", "torch", "rich", "typer", "matplotlib"}


def test_running_needs_numpy_and_onnx_only(in_new_process: Run) -> None:
    code = """
import sys, numpy, bnn_engine
engine = bnn_engine.load(bnn_engine.models.path("mnist-bcnn"))
engine.predict(numpy.zeros((1, 784), numpy.float32))
print(*sorted({m.partition('.')[0] for m in sys.modules}))
"""
    loaded = set(in_new_process(code).split())
    assert "onnx" in loaded
    assert not loaded & {"onnxruntime", "torch", "rich", "typer", "scipy"}


def test_forced_isa_is_what_runs(
    isa: str, engine: bnn_engine.Engine, digits: NDArray[np.float32]
) -> None:
    """And gives the same bits as any other."""
    for name in ("mnist-bmlp", "mnist-bcnn"):
        path = bnn_engine.models.path(name)
        forced = bnn_engine.load(path)
        assert forced.summary().isa == isa
        assert isa in isas.kernel_isas(forced)
        isas.check_kernels(forced, isa)
        assert f"kernels: {isa}" in str(forced.summary())
        if name == "mnist-bmlp":
            np.testing.assert_array_equal(forced.predict(digits), engine.predict(digits))
    assert bnn_engine.cpu_info().active_isa == isa


def test_isa_stays_what_it_was_at_load(
    engine: bnn_engine.Engine, digits: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.summary().isa
    wanted = engine.predict(digits)
    monkeypatch.setenv("BNN_ENGINE_ISA", "scalar")
    assert engine.summary().isa == before
    np.testing.assert_array_equal(engine.predict(digits), wanted)


@pytest.mark.parametrize("name", ["sse9", "AVX2", " scalar", "scalar,avx2", "native"])
def test_unknown_isa(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNN_ENGINE_ISA", name)
    with pytest.raises(IsaError) as caught:
        bnn_engine.load(bnn_engine.models.path("mnist-bmlp"))
    assert f'"{name}"' in str(caught.value)
    assert "scalar" in str(caught.value)
    with pytest.raises(IsaError):
        bnn_engine.cpu_info()


def test_isa_that_this_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    info = bnn_engine.cpu_info()
    missing = [name for name in info.compiled_isas if name not in info.supported_isas]
    if not missing:
        pytest.skip("this machine has every instruction set")
    for name in missing:
        monkeypatch.setenv("BNN_ENGINE_ISA", name)
        with pytest.raises(IsaError, match=name):
            bnn_engine.load(bnn_engine.models.path("mnist-bmlp"))


def test_empty_isa_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNN_ENGINE_ISA", raising=False)
    best = bnn_engine.cpu_info().active_isa
    monkeypatch.setenv("BNN_ENGINE_ISA", "")
    assert bnn_engine.cpu_info().active_isa == best


def test_cpu_info(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNN_ENGINE_ISA", raising=False)
    info = bnn_engine.cpu_info()
    assert "scalar" in info.supported_isas
    assert set(info.supported_isas) <= set(info.compiled_isas)
    assert info.active_isa in info.supported_isas
    best = "avx512_vpopcntdq" if "avx512_vpopcntdq" in info.supported_isas else "avx2"
    assert info.active_isa == (best if best in info.supported_isas else "scalar")
    assert info.num_threads >= 1


def test_default_number_of_threads(in_new_process: Run) -> None:
    code = "import bnn_engine; print(bnn_engine.cpu_info().num_threads)"
    assert in_new_process(code, BNN_ENGINE_NUM_THREADS="1") == "1"
    assert in_new_process(code, OMP_NUM_THREADS="1", BNN_ENGINE_NUM_THREADS="") == "1"
    pinned = f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {code}"
    assert in_new_process(pinned, BNN_ENGINE_NUM_THREADS="", OMP_NUM_THREADS="") == "1"
    unset = in_new_process(code, BNN_ENGINE_NUM_THREADS="", OMP_NUM_THREADS="")
    assert 1 <= int(unset) <= len(os.sched_getaffinity(0))


def test_nothing_is_printed(in_new_process: Run) -> None:
    code = """
import numpy, bnn_engine
engine = bnn_engine.load(bnn_engine.models.path("mnist-bmlp"))
engine.predict(numpy.zeros((2, 784)))
"""
    assert in_new_process(code) == ""
