"""Measures the limits of this machine on one core: clock, multiply-accumulates, memory.

    python benchmarks/roofline.py
    python benchmarks/roofline.py --json

Builds the C++ program in ``roofline/`` with cmake (the first time, about 15 seconds) into the
user's cache folder and runs it (about 5 seconds).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from programs import ROOFLINE, ProgramError, build, run
from tables import cpu_name, table

__all__ = [
    "Bandwidth",
    "Rate",
    "Roofline",
    "main",
    "measure",
    "measure_once",
]

_RUN_SECONDS = 120


@dataclass(frozen=True)
class Rate:
    """Multiply-accumulates that one core can do.

    Attributes:
        gmac_per_s: in units of 1e9 a second.
        tile: the loop that was the fastest.
    """

    gmac_per_s: float
    tile: str


@dataclass(frozen=True)
class Bandwidth:
    """What one core reads and writes in a buffer.

    Attributes:
        bytes: size of the buffer.
        read_gb_per_s: in units of 1e9 bytes a second.
        read_order: how many places of the buffer were read in turns when it was the fastest.
        write_gb_per_s: plain stores, through the caches.
    """

    bytes: int
    read_gb_per_s: float
    read_order: str
    write_gb_per_s: float


@dataclass(frozen=True)
class Roofline:
    """The limits of the machine; None is what it, or the probe, does not have.

    Attributes:
        clock_ghz: the rate that the core really ran at.
        caches: sizes in bytes by level.
        binary: sums of popcount(a xor w) by instruction set.
        float32: fused multiply-adds by instruction set (on "generic" code not fused).
        int8: dot products of 8-bit integers by instruction set.
        memory: bandwidth by level.
    """

    clock_ghz: float
    caches: Mapping[str, int | None]
    binary: Mapping[str, Rate | None]
    float32: Mapping[str, Rate | None]
    int8: Mapping[str, Rate | None]
    memory: Mapping[str, Bandwidth | None]

    @property
    def b(self) -> Rate:
        """The best rate of the binary probes: the bound B that kernels are compared with."""
        return _best(self.binary)

    @property
    def fma(self) -> Rate:
        """The best rate of the float32 probes: the float peak."""
        return _best(self.float32)


def _best(rates: Mapping[str, Rate | None]) -> Rate:
    return max((rate for rate in rates.values() if rate), key=lambda rate: rate.gmac_per_s)


# -- running ---------------------------------------------------------------------------------------


def measure() -> Roofline:
    """Build the probe if need be and run it.

    Raises:
        ProgramError: it cannot be built or run.
    """
    figures = json.loads(run([str(build(ROOFLINE))], _RUN_SECONDS))
    for kind in ("binary", "float32", "int8"):
        figures[kind] = {isa: rate and Rate(**rate) for isa, rate in figures[kind].items()}
    figures["memory"] = {
        level: bandwidth and Bandwidth(**bandwidth)
        for level, bandwidth in figures["memory"].items()
    }
    return Roofline(**figures)


@lru_cache(maxsize=1)
def measure_once() -> Roofline:
    """Like :func:`measure`, but only once in a process."""
    return measure()


# -- writing ---------------------------------------------------------------------------------------


def to_json(roofline: Roofline) -> str:
    """Write the figures, B and the float peak as JSON."""
    figures: dict[str, Any] = {"cpu": cpu_name()} | asdict(roofline)
    figures["b_gmac_per_s"] = roofline.b.gmac_per_s
    figures["fma_gmac_per_s"] = roofline.fma.gmac_per_s
    return json.dumps(figures, indent=2)


_KINDS = {"binary": "xor + popcount + add", "float32": "float32 multiply-add", "int8": "int8 dot"}


def to_markdown(roofline: Roofline) -> str:
    """Write the figures as Markdown tables."""
    compute = [["multiply-accumulates", "written for", "G/s", "a cycle", "fastest loop"]]
    for kind, what in _KINDS.items():
        rates: Mapping[str, Rate | None] = getattr(roofline, kind)
        for isa, rate in rates.items():
            cells = ["–", "–", "–"]
            if rate:
                cycle = rate.gmac_per_s / roofline.clock_ghz
                cells = [f"{rate.gmac_per_s:,.1f}", f"{cycle:.1f}", rate.tile]
            compute.append([what, isa, *cells])
    memory = [["memory", "buffer", "read GB/s", "write GB/s", "fastest order of reading"]]
    for level, bandwidth in roofline.memory.items():
        cells = ["–"] * 4
        if bandwidth:
            cells = [
                _size(bandwidth.bytes),
                f"{bandwidth.read_gb_per_s:.1f}",
                f"{bandwidth.write_gb_per_s:.1f}",
                bandwidth.read_order,
            ]
        memory.append([level.replace("_", " "), *cells])
    return "\n\n".join(
        [
            f"{cpu_name()}, one core at {roofline.clock_ghz:.2f} GHz: "
            f"B = {roofline.b.gmac_per_s:,.0f} GMAC/s, "
            f"float peak {roofline.fma.gmac_per_s:,.1f} GMAC/s.",
            table(compute),
            table(memory),
        ]
    )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e6 else f"{num_bytes / 1e3:.1f} kB"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    description, _, _ = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description,
        epilog="example: python benchmarks/roofline.py --json > roofline.json",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    arguments = parser.parse_args(argv)
    try:
        roofline = measure()
    except ProgramError as error:
        raise SystemExit(f"error: {error}") from None
    print(to_json(roofline) if arguments.json else to_markdown(roofline))


if __name__ == "__main__":
    main()
