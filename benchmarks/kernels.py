"""Measures kernels and packed layers alone, without Python and without floats around them.

Runs ``bnn_kernel_bench`` of the C++ tests, row by row and in several rounds: of each row the
fastest round counts, so that neither load of some seconds nor where the operating system has put
the memory of one process decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal

from programs import KERNEL_BENCH, ProgramError, build, run
from roofline import Roofline
from tables import table, times
from turns import Latency

__all__ = ["FIGURES", "Figure", "Measured", "Row", "measure", "parse", "to_markdown"]

_RUN_SECONDS = 60

Limit = Literal["B", "float peak", "L2", "weights"]
"""What a rate is related to: the roofline's B, its float peak, its bandwidth of L2, or, as bytes of
weights a second, its bandwidth in a buffer as large as the weights of the layer 9216x4096."""


@dataclass(frozen=True)
class Figure:
    """What is to be measured.

    Attributes:
        name: what it is called in tables.
        families: of kernels, as the program names them; the fastest kernel counts.
        shape: as the program names it.
        limit: what the rate is related to.
        isa: the instruction set that the kernel is written for; None for any up to the active one.
    """

    name: str
    families: tuple[str, ...]
    shape: str
    limit: Limit
    isa: str | None = None


_GEMM = ("xnor_chain", "xnor_gemm")
FIGURES = (
    Figure("GEMM 64x2304x256, bits → int32", _GEMM, "64x2304x256", "B"),
    Figure("GEMM 256x4096x1024, bits → int32", _GEMM, "256x4096x1024", "B"),
    *(
        Figure(f"conv 3x3 {shape}, bits → bits", ("xnor_layer",), f"conv {shape}", "B")
        for shape in ("56x56x64", "28x28x128", "14x14x256", "7x7x512")
    ),
    Figure("GEMV 9216→4096, bits → bits", ("xnor_layer",), "dense 1x9216x4096", "weights"),
    Figure("GEMM 64x2304x256, AVX2", _GEMM, "64x2304x256", "float peak", isa="avx2"),
    *(
        Figure(f"binarize float32 {shape} NHWC", ("binarize_f32",), shape, "L2")
        for shape in ("28x28x128", "32x32x64")
    ),
)


@dataclass(frozen=True)
class Row:
    """A line of the program.

    Attributes:
        kernel: family and instruction set.
        shape: what it was called with.
        seconds: of the fastest call.
        work: of a call.
        unit: of the work: "MAC", without taps that lie in the padding, or "B" of bytes read.
    """

    kernel: str
    shape: str
    seconds: float
    work: int
    unit: str

    @property
    def isa(self) -> str:
        """The instruction set that the kernel is written for."""
        return self.kernel.rpartition("/")[2]


@dataclass(frozen=True)
class Measured:
    """What was measured for one figure.

    Attributes:
        figure: what it is.
        rounds: the row of the fastest kernel in each round.
    """

    figure: Figure
    rounds: Sequence[Row]

    @cached_property
    def best(self) -> Row:
        """The fastest round."""
        return min(self.rounds, key=lambda row: row.seconds)

    @property
    def latency(self) -> Latency:
        """The fastest round, and the median of the rounds' fastest calls."""
        middle = median(row.seconds for row in self.rounds)
        return Latency(self.best.seconds * 1e6, middle * 1e6, len(self.rounds))

    @property
    def rate(self) -> float:
        """Work of a second, in units of 1e9."""
        return self.best.work / self.best.seconds * 1e-9

    def share(self, roofline: Roofline) -> float | None:
        """The rate over the limit; None where the machine does not have that limit.

        That is so where the data does not lie in the cache that the figure is about.
        """
        match self.figure.limit:
            case "B":
                return self.rate / roofline.b.gmac_per_s
            case "float peak":
                return self.rate / roofline.fma.gmac_per_s
            case "L2":
                bandwidth = roofline.memory.get("l2")
                l1, l2 = roofline.caches.get("l1"), roofline.caches.get("l2")
                if not bandwidth or not l1 or not l2 or not l1 < self.best.work <= l2:
                    return None
                return self.rate / bandwidth.read_gb_per_s
            case "weights":
                bandwidth = roofline.memory.get("dense_9216x4096")
                return self.rate / 8 / bandwidth.read_gb_per_s if bandwidth else None

    def to_json(self, roofline: Roofline | None) -> Mapping[str, object]:
        """The figure as members of a JSON object."""
        return {
            "name": self.figure.name,
            "kernel": self.best.kernel,
            "shape": self.best.shape,
            "us": {"min": self.latency.min, "p50": self.latency.p50},
            "rounds": len(self.rounds),
            "rate": self.rate,
            "unit": f"G{self.best.unit}/s",
            "limit": self.figure.limit,
            "share": self.share(roofline) if roofline else None,
        }


# -- measuring -------------------------------------------------------------------------------------


def measure(
    rounds: int, supported: Sequence[str], active: str, figures: Sequence[Figure] = FIGURES
) -> list[Measured]:
    """Build the program if need be and run it.

    Args:
        rounds: how often each row is measured.
        supported: instruction sets of this machine, the least capable first.
        active: the one that the engine uses; kernels for more capable ones do not count.
        figures: what to measure; those for instruction sets that are missing are left out.

    Raises:
        ProgramError: the program cannot be built or run.
    """
    figures = [figure for figure in figures if figure.isa is None or figure.isa in supported]
    usable = supported[: supported.index(active) + 1]
    program = str(build(KERNEL_BENCH))
    rows: dict[Figure, list[Row]] = {figure: [] for figure in figures}
    for _ in range(rounds):
        for figure, seen in rows.items():
            isas = usable if figure.isa is None else [figure.isa]
            for family in figure.families:
                seen += [
                    row
                    for row in parse(run([program, "--tsv", family, figure.shape], _RUN_SECONDS))
                    if row.shape == figure.shape and row.isa in isas
                ]
    for figure, seen in rows.items():
        if not seen:
            raise ProgramError(f"bnn_kernel_bench has no {figure.shape} of {figure.families}")
    return [Measured(figure, _of_fastest_kernel(seen)) for figure, seen in rows.items()]


def parse(text: str) -> list[Row]:
    """Read what the program prints with ``--tsv``."""
    rows = []
    for line in text.splitlines():
        kernel, shape, seconds, work, unit = line.split("\t")
        rows.append(Row(kernel, shape, float(seconds), int(work), unit))
    return rows


def _of_fastest_kernel(rows: Sequence[Row]) -> list[Row]:
    fastest = min(rows, key=lambda row: row.seconds).kernel
    return [row for row in rows if row.kernel == fastest]


# -- writing ---------------------------------------------------------------------------------------


def to_markdown(measured: Sequence[Measured], roofline: Roofline | None) -> str:
    """Write the figures as a Markdown table."""
    rows = [["kernels alone", "fastest kernel", "µs", "rate", "share"]]
    for one in measured:
        rate = f"{one.rate:,.0f} G{one.best.unit}/s"
        share = one.share(roofline) if roofline else None
        written = _share(share, one.figure.limit) if share is not None else "–"
        rows.append([one.figure.name, one.best.kernel, times(one.latency), rate, written])
    return table(rows)


def _share(share: float, limit: Limit) -> str:
    match limit:
        case "B":
            return f"{share:.2f} B"
        case "float peak":
            return f"{share:.1f} × float peak"
        case "L2":
            return f"{share:.0%} of reading L2"
        case "weights":
            return f"{share:.0%} of reading 4.7 MB"
