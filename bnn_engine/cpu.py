"""What the machine offers and what the engine makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_engine import _core

__all__ = ["CpuInfo", "cpu_info"]


@dataclass(frozen=True)
class CpuInfo:
    """The CPU as kernels see it.

    Attributes:
        features: detected CPU features that kernels may use.
        active_isa: the instruction set that ``load`` uses now.
        compiled_isas: instruction sets this build has kernels for, the least capable first.
        supported_isas: those of them that this machine can run.
        num_threads: threads a call uses unless ``load`` is told otherwise.
    """

    features: tuple[str, ...]
    active_isa: str
    compiled_isas: tuple[str, ...]
    supported_isas: tuple[str, ...]
    num_threads: int


def cpu_info() -> CpuInfo:
    """Detect CPU features, instruction sets and threads.

    Raises:
        IsaError: ``BNN_ENGINE_ISA`` is unknown or this CPU lacks it.
    """
    return CpuInfo(
        features=tuple(_core.cpu_features()),
        active_isa=_core.active_isa(),
        compiled_isas=tuple(_core.compiled_isas()),
        supported_isas=tuple(_core.supported_isas()),
        num_threads=_core.default_num_threads(),
    )
