"""The status message of one source, once a second."""

import psutil

from hitrs_live.messages import People, SourceState, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.shared_state import SharedState
from hitrs_live.pipeline.source_outputs import SourceOutputs
from hitrs_live.streaming.body_reasons import UnclearBodies
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.levelling import Leveller
from hitrs_live.streaming.motion_scorer import MotionScorer
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.streaming.stage_timer import Counters, StageTimer
from hitrs_live.version import __version__


class OwnMemory:
    """Read this process's memory; where that fails, as it does without a free descriptor, keep the last number."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._newest_mb = 0.0
        self.notice = ""
        """Why it could not be read; empty if it could."""

    def read_mb(self) -> float:
        """Return the resident memory, MiB."""
        try:
            self._newest_mb = round(self._process.memory_info().rss / 2**20, 1)
            self.notice = ""
        except (OSError, psutil.Error) as error:
            self.notice = f"the memory could not be read ({error}); memory_mb is older"
        return self._newest_mb


class StatusBuilder:
    """Build a status from the counters of a source's stages and outputs."""

    def __init__(
        self,
        *,
        input_stream: InputStream,
        outputs: SourceOutputs,
        tracker: JointTracker,
        resampler: Resampler,
        leveller: Leveller,
        motion: MotionScorer,
        unclear_bodies: UnclearBodies,
        timer: StageTimer,
    ) -> None:
        """Take the parts whose counters are read."""
        self._source, self._pose, self._outputs = input_stream.source, input_stream.pose, outputs
        self._tracker, self._resampler, self._motion, self._timer = tracker, resampler, motion, timer
        self._leveller, self._unclear_bodies = leveller, unclear_bodies
        self._memory = OwnMemory()
        self.information: tuple[str, ...] = ()
        """As in Status."""

    def build(
        self,
        now_ns: int,
        counters: Counters,
        people: People | None,
        *,
        state: SourceState,
        detail: str,
        shared: SharedState,
    ) -> Status:
        """Return the status at a time of the pipeline's clock. shared: what is the same for every source."""
        error_mm, zero_velocity_mm = self._motion.over_all()
        errors_mm, zero_velocities_mm = self._motion.over_people()
        tracks = () if people is None else tuple(int(track) for track in people.track_ids if track >= 0)
        age_ms = (now_ns - counters.newest_began_ns) / 1e6 if self._source.live and counters.frames else None
        return Status(
            source_id=self._source.source_id,
            capture_time_ns=counters.newest_capture_ns,
            state=state,
            detail=detail,
            version=__version__,
            uptime_s=round((now_ns - counters.began_ns) / 1e9, 3),
            fps=round(counters.fps, 2),
            frames=counters.frames,
            drops=self._drops(),
            frame_age_ms=None if age_ms is None else round(age_ms, 1),
            stages=self._timer.latencies(),
            people=tracks,
            pose_restarts=0 if self._pose is None else self._pose.restarts,
            memory_mb=self._memory.read_mb(),
            notices=(*shared.notices, *self._notices()),
            motion_error_mm=error_mm,
            motion_held_error_mm=zero_velocity_mm,
            motion_horizons_ms=self._motion.horizons_ms,
            motion_errors_mm=errors_mm,
            motion_held_errors_mm=zero_velocities_mm,
            information=self.information,
            track_resets=self._tracker.resets,
            rejected_bodies=self._tracker.rejected,
            camera_pitch_deg=round(self._leveller.pitch_deg, 1),
            camera_roll_deg=round(self._leveller.roll_deg, 1),
            pose_people_limit=None if self._pose is None else self._pose.people_limit,
            unclear_people=tuple(self._unclear_bodies.reasons(people)),
            slow_steps=shared.slow_steps,
            load_steps=shared.load_steps,
        )

    def _drops(self) -> dict[str, int]:
        drops = {**self._source.drops(), "clock": self._resampler.clock_faults}
        if self._pose is not None:
            drops.update(self._pose.drops())
        return {cause: count for cause, count in {**drops, **self._outputs.drops()}.items() if count}

    def _notices(self) -> tuple[str, ...]:
        of_stages = (self._memory.notice, self._resampler.notice, None if self._pose is None else self._pose.notice)
        return (*(notice for notice in of_stages if notice), *self._outputs.notices)
