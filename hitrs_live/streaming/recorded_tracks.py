"""Track people through recorded frames as the live path does, and resample their joints to the model's rate."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig, PoseConfig, TrackConfig
from hitrs_live.messages import JointFrame, PoseFrame
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.levelling import Leveller
from hitrs_live.streaming.resampler import Resampler


@dataclass(kw_only=True)
class TrackHistory:
    """One person's frames since the row's last reset, one list element per frame."""

    row: int
    """The person's row in the joint frames."""
    joint_frames: list[int] = field(default_factory=list)
    """The number of the joint frame that each frame belongs to, from 0."""
    joints_m: list[NDArray[np.float32]] = field(default_factory=list)
    """(25, 3) each."""
    confidence: list[NDArray[np.float32]] = field(default_factory=list)
    """(25,) each."""


def track_frames(frames: Iterable[PoseFrame], *, rate_hz: float, most_people: int) -> list[TrackHistory]:
    """Pass frames through the live tracker, resampler and leveller.

    Returns all histories in the order of their ends.
    """
    pose = PoseConfig(max_people=most_people)
    return track_histories(
        live_joint_frames(frames, rate_hz=rate_hz, pose=pose, track=TrackConfig(), camera=CameraConfig())
    )


def live_joint_frames(
    frames: Iterable[PoseFrame], *, rate_hz: float, pose: PoseConfig, track: TrackConfig, camera: CameraConfig
) -> Iterator[JointFrame]:
    """Pass frames through the live tracker, resampler and leveller, with `pose.max_people` rows."""
    tracker, resampler = JointTracker(pose, track), Resampler(track, rows=pose.max_people, rate_hz=rate_hz)
    leveller = Leveller(camera)
    for frame in frames:
        people = tracker.step(frame)
        leveller.observe(people.capture_time_ns, people.joints_m[people.present], people.confidence[people.present])
        for joint_frame in resampler.step(people):
            yield leveller.level_frame(joint_frame)


def track_histories(joint_frames: Iterable[JointFrame]) -> list[TrackHistory]:
    """Split joint frames by person. Returns all histories in the order of their ends."""
    ended: list[TrackHistory] = []
    rows: dict[int, TrackHistory] = {}
    for number, joint_frame in enumerate(joint_frames):
        for row in np.flatnonzero(joint_frame.reset).tolist():
            if row in rows:
                ended.append(rows.pop(row))
        for row in np.flatnonzero(joint_frame.active).tolist():
            one = rows.setdefault(row, TrackHistory(row=row))
            one.joint_frames.append(number)
            one.joints_m.append(joint_frame.joints_m[row].copy())
            one.confidence.append(joint_frame.confidence[row].copy())
    return [*ended, *(rows[row] for row in sorted(rows))]
