"""Apply what the ladder of a run decides to the loop, the model and the sources."""

from collections.abc import Callable, Sequence

from hitrs_live.pipeline.load_ladder import OF_LOOP, OF_POSE, LoadStep
from hitrs_live.pipeline.load_meter import LoadMeter
from hitrs_live.pipeline.multiplexer import FrameMultiplexer
from hitrs_live.pipeline.source_pipeline import SourcePipeline
from hitrs_live.streaming.predictor import Predictor


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
        self._sources, self._multiplexer, self._predictor = sources, multiplexer, predictor
        possible = {"fewer_predictions": True, "clip_updates": predictor.can_skip, "no_mirror": predictor.mirrors}
        steps = [step for step in OF_LOOP if possible[step]]
        self._meter = LoadMeter([*steps, *OF_POSE] if has_poses else steps, clock)

    @property
    def steps(self) -> tuple[LoadStep, ...]:
        """As in LoadMeter."""
        return self._meter.steps

    @property
    def notice(self) -> str:
        """As in LoadMeter."""
        return self._meter.notice

    def add_wait(self, waited_ns: int) -> None:
        """As in LoadMeter."""
        self._meter.add_wait(waited_ns)

    def update(self) -> None:
        """Measure once a second, and change what is done where that is due."""
        if self._meter.update(lambda: max(source.take_age_s() for source in self._sources)):
            self._apply(self._meter.steps)

    def _apply(self, taken: Sequence[LoadStep]) -> None:
        for source in self._sources:
            source.publish_fewer(fewer="fewer_predictions" in taken)
        self._predictor.reduce(mirror="no_mirror" not in taken, clips_only="clip_updates" in taken)
        self._multiplexer.limit_rate(self._meter.rate_hz)
