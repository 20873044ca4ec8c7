"""What one source's line tells of itself once a second."""

from collections.abc import Sequence

import psutil

from hitrs_live.messages import People, SourceState, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.streaming.motion_scorer import MotionScorer
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.streaming.stage_timer import Counters, StageTimer
from hitrs_live.tracking.tracker import Tracker
from hitrs_live.transport.sink import Sink
from hitrs_live.version import __version__


class StatusBuilder:
    """Read a line's stages and counters off into a status."""

    def __init__(
        self,
        *,
        input_stream: InputStream,
        sink: Sink,
        tracker: Tracker,
        resampler: Resampler,
        motion: MotionScorer,
        timer: StageTimer,
    ) -> None:
        """Take what is read."""
        self._source, self._pose, self._recorder = input_stream.source, input_stream.pose, input_stream.recorder
        self._sink, self._tracker, self._viewers = sink, tracker, tuple(input_stream.viewers)
        self._resampler, self._motion, self._timer = resampler, motion, timer
        self._process = psutil.Process()
        self.information: tuple[str, ...] = ()
        """As in Status."""

    def read(
        self,
        now_ns: int,
        counters: Counters,
        people: People | None,
        *,
        state: SourceState,
        detail: str,
        notices: Sequence[str],
        unrecorded: int = 0,
    ) -> Status:
        """Return how the line is.

        notices: of what it shares with others. unrecorded: messages that its recording never got.
        """
        error_mm, held_error_mm = self._motion.over_all()
        errors_mm, held_errors_mm = self._motion.over_people()
        alive = () if people is None else tuple(int(track) for track in people.track_ids if track >= 0)
        age_ms = (now_ns - counters.newest_capture_ns) / 1e6 if self._source.live and counters.frames else None
        return Status(
            source_id=self._source.source_id,
            capture_time_ns=counters.newest_capture_ns,
            state=state,
            detail=detail,
            version=__version__,
            uptime_s=round((now_ns - counters.began_ns) / 1e9, 3),
            fps=round(counters.fps, 2),
            frames=counters.frames,
            drops=self._drops(unrecorded),
            frame_age_ms=None if age_ms is None else round(age_ms, 1),
            stages=self._timer.latencies(),
            people=alive,
            pose_restarts=0 if self._pose is None else self._pose.restarts,
            memory_mb=round(self._process.memory_info().rss / 2**20, 1),
            notices=(*notices, *self._notices()),
            motion_error_mm=error_mm,
            motion_held_error_mm=held_error_mm,
            motion_horizons_ms=self._motion.horizons_ms,
            motion_errors_mm=errors_mm,
            motion_held_errors_mm=held_errors_mm,
            information=self.information,
            track_resets=self._tracker.resets,
        )

    def _drops(self, unrecorded: int) -> dict[str, int]:
        drops = dict(self._source.drops())
        drops["clock"] = self._resampler.clock_faults
        if self._pose is not None:
            drops.update(self._pose.drops())
        if self._recorder is not None:
            drops["record"] = self._recorder.lost + unrecorded
        drops["publish"] = self._sink.drops
        # Only a view that keeps pictures can lose any.
        drops["view"] = sum(getattr(viewer, "lost", 0) for viewer in self._viewers)
        return {cause: count for cause, count in drops.items() if count}

    def _notices(self) -> tuple[str, ...]:
        told = (
            self._resampler.notice,
            None if self._pose is None else self._pose.notice,
            None if self._recorder is None else self._recorder.failure,
        )
        return tuple(notice for notice in told if notice)
