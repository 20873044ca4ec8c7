"""Measure the load of a run, and apply what its ladder decides to the loop, the model and the sources."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hitrs_live.pipeline.load_ladder import OF_LOOP, OF_POSE, RATES_HZ, Load, LoadLadder, LoadStep
from hitrs_live.pipeline.multiplexer import FrameMultiplexer
from hitrs_live.pipeline.source_pipeline import SourcePipeline
from hitrs_live.streaming.predictor import Predictor

_PERIOD_S: Final = 1.0
_IN_WORDS: Final[dict[LoadStep, str]] = {
    "fewer_predictions": "fewer scores and motion predictions",
    "clip_updates": "predictions once a clip",
    "no_mirror": "no mirror images",
    "rate_15_hz": "15 pictures a second",
    "rate_10_hz": "10 pictures a second",
}
_log = logging.getLogger(__name__)


class LoadControl:
    """Do less in all sources alike while the machine is too slow. Called by the loop, in its thread."""

    def __init__(
        self,
        sources: Sequence[SourcePipeline],
        multiplexer: FrameMultiplexer,
        predictor: Predictor,
        *,
        clock: Callable[[], int],
        has_poses: bool,
    ) -> None:
        """Take what can do less. clock: monotonic nanoseconds. has_poses: whether poses are estimated in this run."""
        self._sources, self._multiplexer, self._predictor, self._clock = sources, multiplexer, predictor, clock
        possible = {"fewer_predictions": True, "clip_updates": predictor.can_skip, "no_mirror": predictor.mirrors}
        steps = [step for step in OF_LOOP if possible[step]]
        self._ladder = LoadLadder([*steps, *OF_POSE] if has_poses else steps)
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

    def add_wait(self, waited_ns: int) -> None:
        """Add a time for which the loop waited for frames."""
        self._waited_ns += waited_ns

    def update(self) -> None:
        """Measure once a second, and change what is done where that is due."""
        now_ns = self._clock()
        if now_ns - self._began_ns < _PERIOD_S * 1e9:
            return
        busy = 1 - self._waited_ns / (now_ns - self._began_ns)
        age_s = max(source.take_age_s() for source in self._sources)
        self._began_ns, self._waited_ns = now_ns, 0
        if self._ladder.observe(now_ns / 1e9, Load(busy=busy, age_s=age_s)):
            _log.warning("%s", self.notice or "the machine has room again: everything is done")
            self._apply(self._ladder.taken)

    def _apply(self, taken: Sequence[LoadStep]) -> None:
        for source in self._sources:
            source.publish_fewer(fewer="fewer_predictions" in taken)
        self._predictor.reduce(mirror="no_mirror" not in taken, clips_only="clip_updates" in taken)
        self._multiplexer.limit_rate(min((RATES_HZ[step] for step in taken if step in RATES_HZ), default=np.inf))
