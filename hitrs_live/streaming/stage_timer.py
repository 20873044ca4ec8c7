"""Measure how long each stage takes per frame, and count frames and their rate."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from hitrs_live.messages import StageLatency

_KEPT = 512
"""Durations kept per stage: over ten seconds at 30 frames a second."""


class StageTimer:
    """Keep the newest durations of every stage in a ring and give their percentiles."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Take the clock that times the stages, in nanoseconds."""
        self._clock = clock
        self._rings: dict[str, np.ndarray] = {}
        self._counts: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body of a `with` statement."""
        began = self._clock()
        yield
        self.add(name, (self._clock() - began) / 1e6)

    def add(self, name: str, duration_ms: float) -> None:
        """Add one duration."""
        ring = self._rings.setdefault(name, np.zeros(_KEPT, np.float32))
        count = self._counts.get(name, 0)
        ring[count % _KEPT] = duration_ms
        self._counts[name] = count + 1

    def latencies(self) -> dict[str, StageLatency]:
        """Return p50 and p99 of every stage over the kept durations."""
        return {name: self._latency(name) for name in self._rings}

    def _latency(self, name: str) -> StageLatency:
        p50, p99 = np.percentile(self._rings[name][: min(self._counts[name], _KEPT)], (50, 99))
        return StageLatency(p50_ms=round(float(p50), 3), p99_ms=round(float(p99), 3))


@dataclass(kw_only=True)
class Counters:
    """Count what the status reports of a run so far. Times are nanoseconds of the caller's clock."""

    frames: int = 0
    newest_capture_ns: int = 0
    began_ns: int = 0
    status_ns: int = 0
    status_frames: int = 0
    fps: float = 0.0

    def update_rate(self, now_ns: int) -> None:
        """Measure the frame rate since the last beat."""
        self.fps = (self.frames - self.status_frames) / ((now_ns - self.status_ns) / 1e9)
        self.status_ns, self.status_frames = now_ns, self.frames
