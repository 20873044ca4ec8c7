"""Join a file's tracks of one person, drop tracks that are no person, and select the two most active.

A Kinect gives a body a new id when it loses it for a moment, may lose it for some frames under the same id, and tracks
chairs and tables. Rules and thresholds are those in wide use on NTU RGB+D, so that results are comparable: short
tracks and tracks wider than a person are dropped unless there are no others, and the rest is ranked by its motion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_PAUSE = 30
"""Frames of absence after which a new id is a new person."""
NEAR_M = 0.3
"""Greatest mean distance of the joints from their extrapolation at which a new id is the same person."""
NEAR_M_A_FRAME = 0.02
"""Increase of that distance per frame of absence: a person who walks off moves about 0.04 per frame."""
_SPEED_FRAMES = 5
MOST_TRACKS = 50
"""Real files have a dozen ids at most; of more tracks the longest are considered."""

SHORTEST_TRACK = 11
"""Frames: a shorter track is dropped."""
WIDEST = 0.8
"""Greatest width of a person: extent along x as a share of that along y."""
WIDE_FRAMES = 0.7
"""Share of wider frames from which a track is taken for furniture."""
MOST_PEOPLE = 2


@dataclass(frozen=True, kw_only=True)
class Track:
    """The N skeletons of one body, in the frames in which it was tracked."""

    at: NDArray[np.int64]
    """(N,) frame numbers, rising."""
    joints: NDArray[np.float32]
    """(N, 25, 3), metres."""


@dataclass(frozen=True, kw_only=True)
class SelectedBodies:
    """The selected bodies, the most active first, each as (first frame, joints (T, 25, 3)), and counts of the steps."""

    bodies: list[tuple[int, NDArray[np.float32]]]
    counts: dict[str, int]


def sort_people(tracks: Sequence[Track]) -> SelectedBodies:
    """Join tracks of one person, drop noise, select the two most active bodies and interpolate over their gaps."""
    counts = {"tracks": len(tracks)}
    longest = sorted(range(len(tracks)), key=lambda number: -len(tracks[number].at))[:MOST_TRACKS]
    counts["tracks dropped as too many"] = len(tracks) - len(longest)
    joined = join_tracks([tracks[number] for number in sorted(longest)])
    counts["tracks joined by motion"] = len(longest) - len(joined)
    kept = _drop_unless_all(joined, [len(track.at) < SHORTEST_TRACK for track in joined])
    counts["tracks dropped as too short"] = len(joined) - len(kept)
    upright = _drop_unless_all(kept, [is_furniture(track.joints) for track in kept])
    counts["tracks dropped as furniture"] = len(kept) - len(upright)
    people = sorted(upright, key=lambda track: -activity(track.joints))[:MOST_PEOPLE]
    counts["tracks dropped beyond two"] = len(upright) - len(people)
    bodies = [(int(track.at[0]), fill_gaps(track)) for track in people]
    counts["bodies"] = len(bodies)
    counts["frames filled"] = sum(len(joints) for _, joints in bodies) - sum(len(track.at) for track in people)
    return SelectedBodies(bodies=bodies, counts=counts)


def join_tracks(tracks: Sequence[Track]) -> list[Track]:
    """Join a track to one that ended shortly before it, near that one's extrapolated position; nearest pairs first."""
    joined = list(tracks)
    while True:
        pairs = [
            (distance, before, after)
            for before in range(len(joined))
            for after in range(len(joined))
            if before != after and (distance := _distance(joined[before], joined[after])) is not None
        ]
        if not pairs:
            return joined
        _, before, after = min(pairs)
        whole = Track(
            at=np.concatenate([joined[before].at, joined[after].at]),
            joints=np.concatenate([joined[before].joints, joined[after].joints]),
        )
        joined = [track for number, track in enumerate(joined) if number not in (before, after)]
        joined.insert(min(before, after), whole)


def is_furniture(joints: NDArray[np.float32]) -> bool:
    """Return whether most skeletons of a track are wider than a person. joints: (N, 25, 3)."""
    extent = np.ptp(joints, axis=1)
    return bool((extent[:, 0] > WIDEST * extent[:, 1]).mean() >= WIDE_FRAMES)


def activity(joints: NDArray[np.float32]) -> float:
    """Return how much a body moves: the sum of the variances of all coordinates, square metres. joints: (N, 25, 3)."""
    return float(joints.astype(np.float64).var(axis=0).sum())


def fill_gaps(track: Track) -> NDArray[np.float32]:
    """Interpolate over the missing frames between a track's first and last. Returns (T, 25, 3)."""
    first, last = int(track.at[0]), int(track.at[-1])
    if last - first + 1 == len(track.at):
        return track.joints
    frames = np.arange(first, last + 1)
    after = np.searchsorted(track.at, frames)
    before = np.where(track.at[after] == frames, after, after - 1)
    share = (frames - track.at[before]) / np.maximum(track.at[after] - track.at[before], 1)
    share = share.astype(np.float32)[:, None, None]
    filled: NDArray[np.float32] = track.joints[before] * (1 - share) + track.joints[after] * share
    return filled


def _drop_unless_all(tracks: list[Track], dropped: list[bool]) -> list[Track]:
    return tracks if all(dropped) else [track for track, drop in zip(tracks, dropped, strict=True) if not drop]


def _distance(before: Track, after: Track) -> float | None:
    """Return the mean joint distance from one track's extrapolated end to another's start, None where too far."""
    pause = int(after.at[0] - before.at[-1])
    if not 1 <= pause <= LONGEST_PAUSE:
        return None
    recent = before.joints[-_SPEED_FRAMES:, 0]
    span = int(before.at[-1] - before.at[-len(recent)])
    speed = (recent[-1] - recent[0]) / max(span, 1)
    # A moving person may also have stopped: both the last position and its extrapolation are possible.
    expected = before.joints[-1] + np.outer((0, pause), speed)[:, None]
    distance = float(np.linalg.norm(expected - after.joints[0], axis=-1).mean(-1).min())
    return distance if distance <= NEAR_M + NEAR_M_A_FRAME * pause else None
