"""Read the people of a recording, a video or a data set as the live path tracks and resamples them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.data.array_format import load_archive
from hitrs_live.errors import DataError
from hitrs_live.teaching.examples import RATE_HZ
from hitrs_live.teaching.joint_stream import JointStream, file_source

Floats = NDArray[np.float32]


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
    people = list(_track(path, config))
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


def _track(path: Path, config: Config) -> Iterator[RecordedPerson]:
    """Follow the people of a file through the live pose path; their joints stay in the camera's axes."""
    followed: dict[int, _Track] = {}
    first_ns: int | None = None
    with JointStream(file_source(path), config) as stream:
        for step in stream.steps():
            if first_ns is None and step.pose_frame is not None:
                first_ns = step.pose_frame.capture_time_ns
            for joint_frame in step.joint_frames:
                for row in np.flatnonzero(joint_frame.reset).tolist():
                    if row in followed:
                        yield followed.pop(row).finish(first_ns or 0)
                for row in np.flatnonzero(joint_frame.active).tolist():
                    if row not in followed:
                        followed[row] = _Track(
                            track_id=int(joint_frame.track_ids[row]), start_ns=int(joint_frame.time_ns[row])
                        )
                    followed[row].joints_m.append(joint_frame.joints_m[row].copy())
                    followed[row].confidence.append(joint_frame.confidence[row].copy())
    for row in sorted(followed):
        yield followed[row].finish(first_ns or 0)
