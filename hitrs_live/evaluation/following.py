"""Follow people through frames of poses as the live path does: who they are, and where, on the model's grid of time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import PoseFrame, Tick
from hitrs_live.pose.tracker import Tracker
from hitrs_live.streaming.resampler import Resampler


@dataclass(kw_only=True)
class Followed:
    """A person since the row's last reset, a list element a frame."""

    joints_m: list[NDArray[np.float32]] = field(default_factory=list)
    """(25, 3) each."""
    confidence: list[NDArray[np.float32]] = field(default_factory=list)
    """(25,) each."""


def follow(
    frames: Iterable[PoseFrame], *, rate_hz: float, most_people: int, track: TrackConfig | None = None
) -> list[Followed]:
    """Pass frames through the live tracker and resampler. Returns everybody's histories in the order of their ends."""
    followed: list[Followed] = []
    rows = [Followed() for _ in range(most_people)]
    for tick in _ticks(frames, rate_hz, most_people, track or TrackConfig()):
        for row in np.flatnonzero(tick.reset).tolist():
            followed.append(rows[row])
            rows[row] = Followed()
        for row in np.flatnonzero(tick.active).tolist():
            rows[row].joints_m.append(tick.joints_m[row].copy())
            rows[row].confidence.append(tick.confidence[row].copy())
    return [one for one in (*followed, *rows) if one.joints_m]


def _ticks(frames: Iterable[PoseFrame], rate_hz: float, most_people: int, track: TrackConfig) -> Iterator[Tick]:
    tracker, resampler = Tracker(most_people, track), Resampler(track, rows=most_people, rate_hz=rate_hz)
    for frame in frames:
        for people in tracker.step(frame):
            yield from resampler.step(people)
