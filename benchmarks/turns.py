"""Latencies of calls that take turns, so that drifts of the machine hit all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnn_engine.timing import interleaved_latencies

__all__ = ["Latency", "latencies"]

# A turn of one runtime: long enough for its code and data to be in the caches for most calls, short
# beside the seconds over which a machine's clock and load drift.
_TURN_SECONDS = 0.02
_MAX_CALLS_A_TURN = 25
_MIN_TURNS = 5


@dataclass(frozen=True)
class Latency:
    """Times of a call, in microseconds.

    Attributes:
        min: of the fastest call.
        p50: the median.
        calls: how many were timed.
    """

    min: float
    p50: float
    calls: int


def latencies(calls: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Latency]:
    """Time calls in alternating turns for about ``seconds``, all of them together."""
    probe = interleaved_latencies(calls, num_runs=3, warmup_runs=2)
    fastest = {name: float(times.min()) for name, times in probe.items()}
    # Each has as many calls a turn as its own speed allows: beside a slow one, a fast one would
    # else have so few that most of them find its data outside the caches.
    calls_a_turn = {
        name: min(_MAX_CALLS_A_TURN, max(1, int(_TURN_SECONDS / time)))
        for name, time in fastest.items()
    }
    round_seconds = sum(calls_a_turn[name] * time for name, time in fastest.items())
    turns = max(_MIN_TURNS, int(seconds / round_seconds))
    timed: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(turns):
        for name, call in calls.items():
            times = interleaved_latencies({name: call}, calls_a_turn[name], warmup_runs=0)
            timed[name].extend(times[name] * 1e6)
    return {
        name: Latency(float(np.min(times)), float(np.median(times)), len(times))
        for name, times in timed.items()
    }
