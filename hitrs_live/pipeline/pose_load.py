"""Estimate the poses of fewer pictures while a pose node's machine is too slow."""

from collections.abc import Callable
from typing import Final

import numpy as np

from hitrs_live.pipeline.load_ladder import OF_POSE, LoadStep
from hitrs_live.pipeline.load_meter import LoadMeter

_NS_PER_S: Final = 1e9


class PoseLoad:
    """The steps of a pipeline that can be taken without a model: fewer pictures a second. Called by the loop alone."""

    def __init__(self, clock: Callable[[], int], *, adapts: bool) -> None:
        """Begin with all pictures. clock: monotonic nanoseconds. adapts: whether any step may be taken."""
        self._meter, self._clock = LoadMeter(OF_POSE if adapts else (), clock), clock
        self._ages_s: list[float] = []
        self._began_ns = clock()

    @property
    def steps(self) -> tuple[LoadStep, ...]:
        """What is done less now, the newest last."""
        return self._meter.steps

    @property
    def notice(self) -> str:
        """The same in one line; empty while everything is done."""
        return self._meter.notice

    @property
    def pause_s(self) -> float:
        """How long to wait before the next picture is read, seconds; at most the interval of the lowest rate."""
        due_ns = self._began_ns + _NS_PER_S / self._meter.rate_hz
        return max(0.0, (due_ns - self._clock()) / _NS_PER_S)

    def begin_frame(self) -> None:
        """Begin with the poses of a picture."""
        self._began_ns = self._clock()

    def end_frame(self, received_ns: int) -> None:
        """End with it: its joints are published. received_ns: when it arrived."""
        self._ages_s.append((self._clock() - received_ns) / _NS_PER_S)

    def add_wait(self, waited_ns: int) -> None:
        """Add a time for which the loop waited for pictures or poses."""
        self._meter.add_wait(waited_ns)

    def update(self) -> None:
        """Measure once a second, and take a step or give one back where that is due."""
        self._meter.update(self._take_age_s)

    def _take_age_s(self) -> float:
        ages_s, self._ages_s = self._ages_s, []
        return float(np.median(ages_s)) if ages_s else 0.0
