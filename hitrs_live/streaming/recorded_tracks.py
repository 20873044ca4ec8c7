"""Follow people through frames of poses as the live path does: who they are, and where, on the model's grid of time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import JointFrame, PoseFrame
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.tracking.tracker import Tracker


@dataclass(kw_only=True)
class TrackHistory:
    """A person since the row's last reset, a list element a frame."""

    row: int
    """Of the ticks."""
    joint_frames: list[int] = field(default_factory=list)
    """Which tick each frame came with, counted from 0."""
    joints_m: list[NDArray[np.float32]] = field(default_factory=list)
    """(25, 3) each."""
    confidence: list[NDArray[np.float32]] = field(default_factory=list)
    """(25,) each."""


def track_frames(frames: Iterable[PoseFrame], *, rate_hz: float, most_people: int) -> list[TrackHistory]:
    """Pass frames through the live tracker and resampler. Returns everybody's histories in the order of their ends."""
    return track_histories(live_joint_frames(frames, rate_hz=rate_hz, most_people=most_people, track=TrackConfig()))


def live_joint_frames(
    frames: Iterable[PoseFrame], *, rate_hz: float, most_people: int, track: TrackConfig
) -> Iterator[JointFrame]:
    """Pass frames through the live tracker and resampler, `most_people` rows."""
    tracker, resampler = Tracker(most_people, track), Resampler(track, rows=most_people, rate_hz=rate_hz)
    for frame in frames:
        yield from resampler.step(tracker.step(frame))


def track_histories(joint_frames: Iterable[JointFrame]) -> list[TrackHistory]:
    """Take ticks apart by person. Returns everybody's histories in the order of their ends."""
    followed: list[TrackHistory] = []
    rows: dict[int, TrackHistory] = {}
    for number, joint_frame in enumerate(joint_frames):
        for row in np.flatnonzero(joint_frame.reset).tolist():
            if row in rows:
                followed.append(rows.pop(row))
        for row in np.flatnonzero(joint_frame.active).tolist():
            one = rows.setdefault(row, TrackHistory(row=row))
            one.joint_frames.append(number)
            one.joints_m.append(joint_frame.joints_m[row].copy())
            one.confidence.append(joint_frame.confidence[row].copy())
    return [*followed, *(rows[row] for row in sorted(rows))]
