"""Which instruction sets this CPU has, and which ones tests have really run."""

from __future__ import annotations

from pathlib import Path

import pytest

import bnn_engine

AVX2 = {"popcnt", "avx2", "fma"}
AVX512BW = {*AVX2, "avx512f", "avx512bw", "avx512vl", "avx512dq"}
REQUIRED_FLAGS = {
    "neon": {"asimd"},
    "avx2": AVX2,
    "avx512bw": AVX512BW,
    "avx512_vpopcntdq": {*AVX512BW, "avx512_vpopcntdq", "avx512_vnni"},
}
"""Flags in Linux' /proc/cpuinfo, which lists only what the system lets programs use."""

FLOAT_KERNELS = {"avx512_vpopcntdq": "avx512bw"}
"""Instruction sets that only treat bits and bytes differently, and what their float layers run."""

exercised: set[str] = set()
"""Instruction sets whose kernels computed an answer that was compared with ONNX Runtime's."""


def supported() -> tuple[str, ...]:
    """Instruction sets the engine can be forced to."""
    return bnn_engine.cpu_info().supported_isas


def expected() -> set[str]:
    """Instruction sets this machine has, found without asking the engine."""
    cpuinfo = Path("/proc/cpuinfo")
    flags: set[str] = set()
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        flags = next((set(x.split()) for x in lines if x.startswith(("flags", "Features"))), set())
    compiled = bnn_engine.cpu_info().compiled_isas
    return {
        "scalar",
        *(i for i, needed in REQUIRED_FLAGS.items() if i in compiled and needed <= flags),
    }


def kernel_isas(engine: bnn_engine.Engine) -> set[str]:
    """Instruction sets of the kernels of the engine's dense and convolution layers."""
    return {kernel.partition("/")[2] for kernel in dot_kernels(engine)}


def dot_kernels(engine: bnn_engine.Engine) -> set[str]:
    """Kernels ("family/instruction set") of the engine's dense and convolution layers."""
    layers = engine.summary().layers
    return {layer.kernel for layer in layers if layer.binary_macs or layer.float_macs}


def check_kernels(engine: bnn_engine.Engine, isa: str) -> None:
    """Every dense and convolution layer of ``engine`` runs the best kernel for ``isa``."""
    for kernel in dot_kernels(engine):
        family, _, used = kernel.partition("/")
        own = family.startswith(("xnor_", "byte_"))
        assert used == (isa if own else FLOAT_KERNELS.get(isa, isa)), kernel


def record(engine: bnn_engine.Engine) -> None:
    """Note that ``engine``'s answers have been compared."""
    exercised.update(kernel_isas(engine))


@pytest.fixture(params=supported())
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every instruction set the machine has, forced one after another (for conftest files)."""
    name: str = request.param
    monkeypatch.setenv("BNN_ENGINE_ISA", name)
    return name
