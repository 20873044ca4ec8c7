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
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float64]

_ROOT, _CHEST = NTU25.root, NTU25.index("spine_shoulder")
_LEGS: Final = tuple(
    tuple(NTU25.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")) for side in ("left", "right")
)
_LEAST_SIZE_M: Final = 1.0
_MOST_SPREAD: Final = 0.09
"""Deviation of the size, as a share of its mean."""
_LEAST_CONFIDENCE: Final = 0.5
_SIZE_FRAMES: Final = 10
"""Frames over which size and spread are averaged."""
_MEASURED_FRAMES: Final = 3
"""Frames after which the spread is known."""
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
        self._count, self._plausible_frames = np.zeros(rows), np.zeros(rows, np.int64)
        self._mean_m, self._variance = np.zeros(rows), np.zeros(rows)
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
        self._observe_size(body_sizes_m(people.joints_m), seen & legs_seen(people.confidence))
        # Soon all have moved, and nothing is left to do for them.
        for row in np.flatnonzero(seen & ~self._moved).tolist():
            self._observe_points(row, people.keypoints[row, :, :2].astype(np.float64), people.capture_time_ns)
        still = ~self._moved & (people.capture_time_ns - self._first_ns > _STILL_S * 1e9)
        plausible = self._has_plausible_size()
        self._plausible_frames += seen & plausible & (self._count > 0)
        accepted = seen & (plausible | (self._plausible_frames > _TRUSTED_FRAMES)) & ~still
        self.rejected += int((seen & ~accepted).sum())
        return people if (accepted == seen).all() else replace(people, present=accepted)

    def _forget(self, people: People) -> None:
        """Reset the rows whose person is another than before."""
        for row in np.flatnonzero(self._track_ids != people.track_ids).tolist():
            self._count[row] = self._mean_m[row] = self._variance[row] = self._plausible_frames[row] = 0
            self._moved[row] = False
            self._first_points[row] = self._points[row] = None
        self._track_ids = people.track_ids.copy()

    def _observe_size(self, sizes_m: Floats, seen: NDArray[np.bool_]) -> None:
        self._count[seen] += 1
        share = 1 / np.clip(self._count, 1, _SIZE_FRAMES)
        change = sizes_m - self._mean_m
        mean_m = self._mean_m + share * change
        variance = (1 - share) * (self._variance + share * change**2)
        self._mean_m = np.where(seen, mean_m, self._mean_m)
        self._variance = np.where(seen, variance, self._variance)

    def _has_plausible_size(self) -> NDArray[np.bool_]:
        steady = np.sqrt(self._variance) <= _MOST_SPREAD * self._mean_m
        plausible: NDArray[np.bool_] = (self._mean_m >= _LEAST_SIZE_M) & (steady | (self._count < _MEASURED_FRAMES))
        unknown: NDArray[np.bool_] = self._count == 0
        return np.logical_or(plausible, unknown)

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


def legs_seen(confidence: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether all of at least one leg is seen. (R, 25) -> (R,)."""
    seen = confidence[:, np.array(_LEGS)] >= _LEAST_CONFIDENCE
    return np.asarray(np.any(np.all(seen, axis=2), axis=1))


def body_sizes_m(joints_m: NDArray[np.float32]) -> Floats:
    """Measure bodies: the trunk and the longer leg. (R, 25, 3) -> (R,) metres."""
    joints = joints_m.astype(np.float64)

    def length(start: int, end: int) -> Floats:
        result: Floats = np.linalg.norm(joints[:, start] - joints[:, end], axis=-1)
        return result

    legs = [length(hip, knee) + length(knee, ankle) for hip, knee, ankle in _LEGS]
    sizes: Floats = length(_ROOT, _CHEST) + np.maximum(*legs)
    return sizes
