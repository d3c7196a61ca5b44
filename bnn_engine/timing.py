"""Latencies of several ways to compute the same thing, measured fairly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["interleaved_latencies"]

# Long enough that a candidate's code and data are back in the caches for most calls, short enough
# that drifts of the clock rate hit all candidates alike.
_CALLS_PER_TURN = 25


def interleaved_latencies(
    candidates: Mapping[str, Callable[[], Any]],
    num_runs: int,
    warmup_runs: int = 20,
    progress: Callable[[int], Any] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Time the candidates in turns of a few calls each.

    Args:
        candidates: what to call, by name.
        num_runs: timed calls per candidate.
        warmup_runs: calls per candidate before that.
        progress: is told after each turn how many timed calls it had.

    Returns:
        The seconds of every timed call, by candidate.
    """
    for call in candidates.values():
        for _ in range(warmup_runs):
            call()
    nanoseconds: dict[str, list[int]] = {name: [] for name in candidates}
    for first in range(0, num_runs, _CALLS_PER_TURN):
        num_calls = min(_CALLS_PER_TURN, num_runs - first)
        for name, call in candidates.items():
            times = nanoseconds[name]
            for _ in range(num_calls):
                start = perf_counter_ns()
                call()
                times.append(perf_counter_ns() - start)
            if progress is not None:
                progress(num_calls)
    return {name: np.array(times) * 1e-9 for name, times in nanoseconds.items()}
