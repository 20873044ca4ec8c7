"""Read a recording of ours as streams, one for each person followed without a gap."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.codec import pose_frame
from hitrs_live.config import TrackConfig
from hitrs_live.data.arrays import BACKGROUND, Sequence
from hitrs_live.evaluation.judging import judge
from hitrs_live.evaluation.streams import KeptStream
from hitrs_live.messages import JointsEvent, Tick
from hitrs_live.pose.tracker import Tracker
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.resampler import Resampler

_MOST_PEOPLE = 6


@dataclass(kw_only=True)
class _Followed:
    """A person of a recording since the row's last reset, a list element a frame."""

    joints_m: list[NDArray[np.float32]] = field(default_factory=list)
    confidence: list[NDArray[np.float32]] = field(default_factory=list)


def judge_recording(checkpoint: Checkpoint, path: Path, *, hop: int | None = None) -> list[KeptStream]:
    """Judge all that is followed in a recording, with the confidence that its joints had. All of it is background.

    hop: frames from one judgement to the next, by default the clip stride.
    Raises SourceUnavailable or DataError where the file is none of ours or damaged.
    """
    followed = _follow(path, checkpoint.info.normaliser.rate_hz)
    sequences = [
        Sequence(
            name=f"{path.stem}_{number}",
            subject=path.stem,
            joints_m=np.stack(one.joints_m),
            labels=np.full(len(one.joints_m), BACKGROUND, np.int64),
            valid_mask=np.ones(len(NTU25), bool),
        )
        for number, one in enumerate(followed)
    ]
    return judge(checkpoint, sequences, confidence=[np.stack(one.confidence) for one in followed], hop=hop)


def _follow(path: Path, rate_hz: float) -> list[_Followed]:
    """Pass a recording through the live tracker and resampler."""
    followed: list[_Followed] = []
    rows = [_Followed() for _ in range(_MOST_PEOPLE)]
    for tick in _ticks(path, rate_hz):
        for row in np.flatnonzero(tick.reset).tolist():
            followed.append(rows[row])
            rows[row] = _Followed()
        for row in np.flatnonzero(tick.active).tolist():
            rows[row].joints_m.append(tick.joints_m[row].copy())
            rows[row].confidence.append(tick.confidence[row].copy())
    return [one for one in (*followed, *rows) if one.joints_m]


def _ticks(path: Path, rate_hz: float) -> Iterator[Tick]:
    track = TrackConfig()
    tracker, resampler = Tracker(_MOST_PEOPLE, track), Resampler(track, rows=_MOST_PEOPLE, rate_hz=rate_hz)
    for event in Recording(path).messages(JointsEvent):
        assert isinstance(event, JointsEvent)
        for people in tracker.step(pose_frame(event, event.capture_time_ns)):
            yield from resampler.step(people)
