"""What the commands of this folder print alike."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from turns import Latency

__all__ = ["cpu_name", "table", "times"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows, the header first, as a Markdown table: first column left, others right."""
    header, *body = rows
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *body))


def times(latency: Latency) -> str:
    """Write minimum and median in microseconds."""
    return " / ".join(
        f"{value:.1f}" if value < 100 else f"{value:,.0f}" for value in (latency.min, latency.p50)
    )


def cpu_name() -> str:
    """Model name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
