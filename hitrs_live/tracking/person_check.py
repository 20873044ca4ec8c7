"""Check over time whether a tracked body is a person: a pose network also finds bodies in furniture.

The network gives every person about the same size, that of an average body: trunk, thigh and shank together are 1.1 to
1.25 m, and stay so. Bodies found in table legs are smaller and change their size from picture to picture. And a thing
never moves: a body that has not moved since it was first seen is no person until it does.

Of people whose legs are not seen, at a desk or cut by the picture's edge, the size says nothing.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import People
from hitrs_live.skeleton import MEDIAPIPE33, NTU25

Floats = NDArray[np.float64]

_ROOT, _CHEST = NTU25.root, NTU25.index("spine_shoulder")
_LEGS: Final = tuple(
    tuple(NTU25.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")) for side in ("left", "right")
)
_LEAST_SIZE_M: Final = 1.0
_MOST_SPREAD: Final = 0.09
"""Deviation of the size from its median, as a share of that; the frame that is farthest off does not count."""
_LEAST_CONFIDENCE: Final = 0.5
_EDGE: Final = 0.01
"""Of the picture's sides: what is nearer to one may be cut."""
_SIZE_FRAMES: Final = 10
"""Newest frames whose sizes count."""
_MEASURED_FRAMES: Final = 3
"""Frames after which size and spread are known."""
_TRUSTED_FRAMES: Final = 20
"""Frames of plausible size after which a body stays a person: people who bend or leave the picture vary too."""
_STILL_S: Final = 60.0
_MOVED_SHARE: Final = 0.04
"""Of the body's height in the picture: any point that moves so far, on a second's average, has moved."""
_AVERAGE_S: Final = 1.0


class PersonCheck:
    """Leave out tracked bodies that are no people. For the people of pictures; R rows, as the tracker's."""

    def __init__(self, rows: int) -> None:
        """Begin without anyone."""
        self.rejected = 0
        """Bodies left out since the start, one for each frame."""
        self._track_ids = np.full(rows, -1, np.int64)
        self._count, self._plausible_frames = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._sizes_m = np.full((rows, _SIZE_FRAMES), np.nan)
        self._first_ns, self._last_ns = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._moved = np.zeros(rows, np.bool_)
        self._first_points: list[Floats | None] = [None] * rows
        self._points: list[Floats | None] = [None] * rows

    def step(self, people: People) -> People:
        """Return the people of a frame, without bodies that are no people. People without keypoints are left as is."""
        if people.keypoints is None or not people.present.any():
            return people
        self._forget(people)
        seen = people.present
        # Soon all have moved, and nothing is left to do for them.
        for row in np.flatnonzero(seen & ~self._moved).tolist():
            self._observe_points(row, people.keypoints[row, :, :2].astype(np.float64), people.capture_time_ns)
        still = ~self._moved & (people.capture_time_ns - self._first_ns > _STILL_S * 1e9)
        undecided = seen & (self._plausible_frames <= _TRUSTED_FRAMES)
        accepted = seen & ~still
        if undecided.any():
            accepted &= ~undecided | self._check_size(people, undecided)
        self.rejected += int((seen & ~accepted).sum())
        return people if (accepted == seen).all() else replace(people, present=accepted)

    def _forget(self, people: People) -> None:
        """Reset the rows whose person is another than before."""
        for row in np.flatnonzero(self._track_ids != people.track_ids).tolist():
            self._count[row] = self._plausible_frames[row] = 0
            self._sizes_m[row] = np.nan
            self._moved[row] = False
            self._first_points[row] = self._points[row] = None
        self._track_ids = people.track_ids.copy()

    def _check_size(self, people: People, undecided: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Measure the bodies that are not trusted yet. Returns which rows have a plausible size, (R,)."""
        sizes_m = body_sizes_m(people.joints_m)
        measured = undecided & legs_seen(people.confidence, inside_picture(people))
        self._observe_size(sizes_m, measured)
        plausible = self._has_plausible_size(sizes_m, measured)
        self._plausible_frames += undecided & plausible & (self._count > 0)
        return np.asarray(plausible | (self._plausible_frames > _TRUSTED_FRAMES))

    def _observe_size(self, sizes_m: Floats, seen: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(seen)
        self._sizes_m[rows, self._count[rows] % _SIZE_FRAMES] = sizes_m[rows]
        self._count[rows] += 1

    def _has_plausible_size(self, now_m: Floats, measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Decide by the newest sizes, in the first frames by that of this one, where it was measured."""
        plausible = np.asarray(~measured | (now_m >= _LEAST_SIZE_M))
        known = self._count >= _MEASURED_FRAMES
        sizes_m = self._sizes_m[known]
        size_m = np.nanmedian(sizes_m, axis=1)
        off_m = np.abs(sizes_m - size_m[:, None])
        count = np.minimum(self._count[known], _SIZE_FRAMES)
        spread_m = np.sqrt((np.nansum(off_m**2, axis=1) - np.nanmax(off_m, axis=1) ** 2) / (count - 1))
        plausible[known] = (size_m >= _LEAST_SIZE_M) & (spread_m <= _MOST_SPREAD * size_m)
        return plausible

    def _observe_points(self, row: int, points: Floats, time_ns: int) -> None:
        first, averaged = self._first_points[row], self._points[row]
        if first is None or averaged is None:
            self._first_points[row] = self._points[row] = points
            self._first_ns[row] = self._last_ns[row] = time_ns
            return
        share = 1 - np.exp(-(time_ns - int(self._last_ns[row])) / 1e9 / _AVERAGE_S)
        averaged = averaged + share * (points - averaged)
        if time_ns - int(self._first_ns[row]) < _AVERAGE_S * 1e9:
            # What it is compared with is an average as well.
            self._first_points[row] = first = averaged
        self._points[row], self._last_ns[row] = averaged, time_ns
        height = max(float(np.ptp(averaged[:, 1])), 1e-3)
        self._moved[row] = bool(np.linalg.norm(averaged - first, axis=1).max() > _MOVED_SHARE * height)


def legs_seen(confidence: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the trunk is inside the picture, and all of at least one leg is and is seen. (R, 25) both -> (R,)."""
    seen = inside & (confidence >= _LEAST_CONFIDENCE)
    leg = np.any(np.all(seen[:, np.array(_LEGS)], axis=2), axis=1)
    return np.asarray(leg & np.all(inside[:, [_ROOT, _CHEST]], axis=1))


def inside_picture(people: People) -> NDArray[np.bool_]:
    """Whether each joint is inside the picture, as far as is known. Returns (R, 25).

    What the picture's edge cuts is guessed, and grows as the person walks in.
    """
    if people.keypoints is None or people.keypoint_layout != MEDIAPIPE33.name:
        return np.ones(people.confidence.shape, np.bool_)
    places = MEDIAPIPE33.weights @ people.keypoints[..., :2]
    return np.asarray(((places > _EDGE) & (places < 1 - _EDGE)).all(axis=-1))


def body_sizes_m(joints_m: NDArray[np.float32]) -> Floats:
    """Measure bodies: the trunk and the longer leg. (R, 25, 3) -> (R,) metres."""
    joints = joints_m.astype(np.float64)

    def length(start: int, end: int) -> Floats:
        result: Floats = np.linalg.norm(joints[:, start] - joints[:, end], axis=-1)
        return result

    legs = [length(hip, knee) + length(knee, ankle) for hip, knee, ankle in _LEGS]
    sizes: Floats = length(_ROOT, _CHEST) + np.maximum(*legs)
    return sizes
