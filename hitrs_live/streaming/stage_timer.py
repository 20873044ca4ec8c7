"""Measure how long each stage takes per frame, and count frames and their rate."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hitrs_live.messages import StageLatency

Stage = Literal[
    "wait", "pose", "record", "track", "person_check", "lift", "resample", "level", "model", "publish", "overhead",
    "frame_to_event", "view",
]  # fmt: skip
"""As Status.stages has them, in the order in which a frame meets them, and sums after what they are sums of."""
_KEPT = 512
"""Durations kept per stage: over ten seconds at 30 frames a second."""


class StageTimer:
    """Keep the newest durations of every stage, one for each frame, in a ring and give their percentiles."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Take the clock that times the stages, in nanoseconds."""
        self._clock = clock
        self._rings: dict[Stage, np.ndarray] = {}
        self._counts: dict[Stage, int] = {}
        self._frame_ms: dict[Stage, float] = {}

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Time the body of a `with` statement; stages may lie within each other."""
        began = self._clock()
        yield
        self.add(name, (self._clock() - began) / 1e6)

    def add(self, name: Stage, duration_ms: float) -> None:
        """Add a duration to what the stage has taken for the current frame."""
        self._frame_ms[name] = self._frame_ms.get(name, 0.0) + duration_ms

    def end_frame(self) -> None:
        """Keep what each stage has taken for the current frame; a stage that did not run keeps nothing."""
        for name, duration_ms in self._frame_ms.items():
            ring = self._rings.setdefault(name, np.zeros(_KEPT, np.float32))
            count = self._counts.get(name, 0)
            ring[count % _KEPT] = duration_ms
            self._counts[name] = count + 1
        self._frame_ms.clear()

    def latencies(self) -> dict[str, StageLatency]:
        """Return p50 and p99 of every stage that has run, over the kept durations, in the order of `Stage`."""
        return {name: self._latency(name) for name in get_args(Stage) if name in self._rings}

    def _latency(self, name: Stage) -> StageLatency:
        p50, p99 = np.percentile(self._rings[name][: min(self._counts[name], _KEPT)], (50, 99))
        return StageLatency(p50_ms=round(float(p50), 3), p99_ms=round(float(p99), 3))


@dataclass(kw_only=True)
class Counters:
    """Count what the status reports of a run so far. Times are nanoseconds of the caller's clock."""

    frames: int = 0
    newest_capture_ns: int = 0
    newest_began_ns: int = 0
    """From when on the newest frame ages, on this machine's clock: its capture or, where that was on another clock, its
    arrival."""
    began_ns: int = 0
    status_ns: int = 0
    status_frames: int = 0
    fps: float = 0.0

    def update_rate(self, now_ns: int) -> None:
        """Measure the frame rate since the last beat."""
        self.fps = (self.frames - self.status_frames) / ((now_ns - self.status_ns) / 1e9)
        self.status_ns, self.status_frames = now_ns, self.frames
