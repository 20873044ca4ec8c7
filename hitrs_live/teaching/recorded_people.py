"""Read the people of a recording, a video or a data set as the live path tracks and resamples them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.data.array_format import load_archive
from hitrs_live.errors import DataError
from hitrs_live.messages import Frame, PoseFrame, SourceChange
from hitrs_live.pose.factory import check_model, make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.factory import make_sources
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.teaching.examples import RATE_HZ

Floats = NDArray[np.float32]
_JOINT_FILES: Final = (".mcap", ".skeleton")
_WAIT_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class RecordedPerson:
    """One person of a recording for as long as they were tracked."""

    name: str
    """Of the track, or of the sequence in a data set."""
    joints_m: Floats
    """(T, 25, 3), metres in the camera's axes, at `RATE_HZ`."""
    confidence: Floats
    """(T, 25)."""
    start_s: float
    """Seconds from the recording's first frame to the person's."""

    @property
    def end_s(self) -> float:
        """Seconds from the recording's first frame to the person's last."""
        return self.start_s + len(self.joints_m) / RATE_HZ


def read_people(path: Path, config: Config | None = None) -> list[RecordedPerson]:
    """Read every person of a file, in the order in which they end.

    path: a recording (.mcap), NTU RGB+D .skeleton files, a video, or an .npz of labelled sequences, each of which is
    one person. Raises DataError for a damaged .npz, SourceUnavailable or PoseModelMissing for others.
    """
    if path.suffix.lower() == ".npz":
        return _read_archive(path)
    config = config or Config()
    people = list(_track(_pose_frames(path, config), config))
    if not people:
        raise DataError(f"{path}: no person is seen in it; expected one, whole in the picture")
    return people


def _read_archive(path: Path) -> list[RecordedPerson]:
    archive = load_archive(path)
    ends = np.cumsum(archive.lengths)
    confident = archive.valid_mask.astype(np.float32)
    return [
        RecordedPerson(
            name=name, joints_m=archive.joints[end - length : end].astype(np.float32),
            confidence=np.repeat(confident[None], length, axis=0), start_s=0.0,
        )
        for name, length, end in zip(archive.names, archive.lengths.tolist(), ends.tolist(), strict=True)
    ]  # fmt: skip


def _pose_frames(path: Path, config: Config) -> Iterator[PoseFrame]:
    """Yield the people in every frame, found by the live pose stage where there are pictures."""
    kind = "replay" if path.is_dir() or path.suffix.lower() in _JOINT_FILES else "video"
    (source,) = make_sources([(kind, str(path))], config, speed="max")
    pose = None
    if source.has_pictures:
        quiet_opencv()
        check_model(config.pose)
        pose = make_pose_estimator(config.pose, camera_intrinsics(config.camera, source.source_id))
    try:
        source.open()
        if pose is not None:
            pose.open()
        while True:
            for item in source.read(_WAIT_S):
                if isinstance(item, SourceChange):
                    if item.state == "ended":
                        if item.fault:
                            raise DataError(f"{path}: {item.detail}")
                        return
                elif isinstance(item, Frame):
                    found = None if pose is None else pose.step(item)
                    if found is not None:
                        yield found
                else:
                    yield item
    finally:
        source.close()
        if pose is not None:
            pose.close()


@dataclass(kw_only=True)
class _Track:
    """A person who is being followed."""

    track_id: int
    start_ns: int
    joints_m: list[Floats] = field(default_factory=list)
    confidence: list[Floats] = field(default_factory=list)

    def finish(self, first_ns: int) -> RecordedPerson:
        return RecordedPerson(
            name=str(self.track_id), joints_m=np.stack(self.joints_m), confidence=np.stack(self.confidence),
            start_s=max(0.0, (self.start_ns - first_ns) / 1e9),
        )  # fmt: skip


def _track(frames: Iterator[PoseFrame], config: Config) -> Iterator[RecordedPerson]:
    """Follow people and resample their joints, as the live path does, but leave them in the camera's axes."""
    rows = config.pose.max_people
    tracker = JointTracker(config.pose, config.track)
    resampler = Resampler(config.track, rows=rows, rate_hz=RATE_HZ)
    followed: dict[int, _Track] = {}
    first_ns: int | None = None
    for frame in frames:
        first_ns = frame.capture_time_ns if first_ns is None else first_ns
        for joint_frame in resampler.step(tracker.step(frame)):
            for row in np.flatnonzero(joint_frame.reset).tolist():
                if row in followed:
                    yield followed.pop(row).finish(first_ns)
            for row in np.flatnonzero(joint_frame.active).tolist():
                if row not in followed:
                    followed[row] = _Track(
                        track_id=int(joint_frame.track_ids[row]), start_ns=int(joint_frame.time_ns[row])
                    )
                followed[row].joints_m.append(joint_frame.joints_m[row].copy())
                followed[row].confidence.append(joint_frame.confidence[row].copy())
    for row in sorted(followed):
        yield followed[row].finish(first_ns or 0)
