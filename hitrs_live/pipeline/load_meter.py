"""Measure the load of a run once a second, for the ladder that decides what is done less."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hitrs_live.pipeline.load_ladder import RATES_HZ, Load, LoadLadder, LoadStep

_PERIOD_S: Final = 1.0
_IN_WORDS: Final[dict[LoadStep, str]] = {
    "fewer_predictions": "fewer scores and motion predictions",
    "clip_updates": "predictions once a clip",
    "no_mirror": "no mirror images",
    "rate_15_hz": "15 pictures a second",
    "rate_10_hz": "10 pictures a second",
}
_log = logging.getLogger(__name__)


class LoadMeter:
    """Measure the load once a second, and keep what a ladder decides."""

    def __init__(self, steps: Sequence[LoadStep], clock: Callable[[], int]) -> None:
        """Take the steps that can be taken in this run. clock: monotonic nanoseconds."""
        self._ladder, self._clock = LoadLadder(steps), clock
        self._began_ns = clock()
        self._waited_ns = 0

    @property
    def steps(self) -> tuple[LoadStep, ...]:
        """What is done less now, the newest last."""
        return self._ladder.taken

    @property
    def notice(self) -> str:
        """The same in one line; empty while everything is done."""
        words = ", ".join(_IN_WORDS[step] for step in self._ladder.taken)
        return f"the machine is too slow for everything: {words}" if words else ""

    @property
    def rate_hz(self) -> float:
        """Pictures a second of which the poses are to be estimated, in each source; infinite for all."""
        return min((RATES_HZ[step] for step in self._ladder.taken if step in RATES_HZ), default=np.inf)

    def add_wait(self, waited_ns: int) -> None:
        """Add a time for which the loop waited for frames."""
        self._waited_ns += waited_ns

    def update(self, take_age_s: Callable[[], float]) -> bool:
        """Measure, where a second is over; return whether a step was taken or given back, and log it.

        take_age_s: returns the age of frames since its last call, as `Load` has it.
        """
        now_ns = self._clock()
        if now_ns - self._began_ns < _PERIOD_S * 1e9:
            return False
        busy = 1 - self._waited_ns / (now_ns - self._began_ns)
        self._began_ns, self._waited_ns = now_ns, 0
        changed = self._ladder.observe(now_ns / 1e9, Load(busy=busy, age_s=take_age_s()))
        if changed:
            _log.warning("%s", self.notice or "the machine has room again: everything is done")
        return changed
