"""Read a camera or a file through the live pose path, frame by frame: source, poses, tracks, joints at 30 Hz."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from hitrs_live.config import Config
from hitrs_live.errors import DataError
from hitrs_live.messages import Frame, JointFrame, People, PoseFrame, SourceChange
from hitrs_live.pose.factory import check_model, make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.factory import NamedSource, make_sources
from hitrs_live.sources.pacing import Speed
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.teaching.examples import RATE_HZ

_WAIT_S: Final = 0.1
_JOINT_FILES: Final = (".mcap", ".skeleton")


@dataclass(frozen=True, kw_only=True)
class StreamStep:
    """What one frame of a source came to, or that there was none for a moment."""

    time_s: float
    """Since the first frame, of capture."""
    people: People | None = None
    """None where no frame has come, as while a camera starts."""
    joint_frames: Sequence[JointFrame] = ()
    """Those that the frame completes, oldest first, in the camera's axes."""
    pose_frame: PoseFrame | None = None
    picture: Frame | None = None
    detail: str = ""
    """What the source says, such as why there is no camera yet."""


def file_source(path: Path) -> NamedSource:
    """Return the source that reads a file: a recording, .skeleton files or a video."""
    return ("replay" if path.is_dir() or path.suffix.lower() in _JOINT_FILES else "video", str(path))


class JointStream:
    """Open one source and its pose estimator; close both with it."""

    def __init__(self, source: NamedSource, config: Config, *, speed: Speed = "max") -> None:
        """Make the parts; nothing is opened yet. speed: of files. Raises SourceUnavailable or ConfigError."""
        # Somebody stands before it: a missing camera is an error now, not something to wait for.
        self._config = config = msgspec.structs.replace(config, require_sources=True)
        (self._source,) = make_sources([source], config, speed=speed)
        self._pose = None
        if self._source.has_pictures:
            quiet_opencv()
            self._pose = make_pose_estimator(config.pose, camera_intrinsics(config.camera, self._source.source_id))
        self._stack = ExitStack()

    @property
    def source_id(self) -> str:
        """Name of the source."""
        return self._source.source_id

    @property
    def live(self) -> bool:
        """Whether it is a camera, which does not wait to be read."""
        return self._source.live

    def __enter__(self) -> "JointStream":
        """Open the source. Raises SourceUnavailable, PoseModelMissing or PoseProcessFailed."""
        with ExitStack() as stack:
            stack.callback(self._source.close)
            self._source.open()
            if self._pose is not None:
                check_model(self._config.pose)
                stack.callback(self._pose.close)
                self._pose.open()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def steps(self) -> Iterator[StreamStep]:
        """Read until the source ends. Raises DataError where a fault ends it."""
        config = self._config
        tracker = JointTracker(config.pose, config.track)
        resampler = Resampler(config.track, rows=config.pose.max_people, rate_hz=RATE_HZ)
        first_ns: int | None = None
        newest_s = 0.0
        while True:
            items = self._source.read(_WAIT_S)
            if not items:
                yield StreamStep(time_s=newest_s)
            for item in items:
                if isinstance(item, SourceChange):
                    if item.state == "ended":
                        if item.fault:
                            raise DataError(f"source {self.source_id}: {item.detail}")
                        return
                    yield StreamStep(time_s=newest_s, detail=item.detail if item.state != "up" else "")
                    continue
                found = self._poses(item)
                if found is None:
                    continue
                first_ns = found.capture_time_ns if first_ns is None else first_ns
                newest_s = (found.capture_time_ns - first_ns) / 1e9
                people = tracker.step(found)
                yield StreamStep(
                    time_s=newest_s, people=people, joint_frames=resampler.step(people), pose_frame=found,
                    picture=item if isinstance(item, Frame) else None,
                )  # fmt: skip

    def _poses(self, item: Frame | PoseFrame) -> PoseFrame | None:
        if isinstance(item, PoseFrame):
            return item
        assert self._pose is not None
        return self._pose.step(item)
