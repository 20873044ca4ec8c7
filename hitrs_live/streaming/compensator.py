"""Carry measured poses on to a later moment: a pose is old once it is known, and its person has moved on."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import ExtrapolatedPoses, JointFrame, People, Prediction


class LatencyCompensator:
    """Keep each row's newest prediction and move measured poses along it.

    A prediction is a path: the pose that it was made at, then its frames, straight lines between them. Made once
    a clip, it is mostly older than the newest frame, and the frame knows better where the body is. So a pose is
    moved by what the path does from the frame's capture to the moment asked for. Past the path's end it rests.
    """

    def __init__(self, *, rows: int, rate_hz: float, horizon: int) -> None:
        """Take the predictions' shape: `horizon` frames ahead at a rate; with 0, no pose is known ahead."""
        self._rate_hz, self._horizon = rate_hz, horizon
        self._path_m = np.zeros((rows, horizon + 1, 25, 3), np.float32)
        self._made_ns = np.zeros(rows, np.int64)
        self._track_ids = np.full(rows, -1, np.int64)

    def observe(self, joint_frame: JointFrame) -> None:
        """Forget the rows whose history ended."""
        self._track_ids[joint_frame.reset] = -1

    def step(self, prediction: Prediction) -> None:
        """Take the new predictions; each takes the place of its row's older one."""
        rows = np.flatnonzero(prediction.completed)
        self._path_m[rows, 0] = prediction.joint_frame.joints_m[rows]
        self._path_m[rows, 1:] = prediction.future_joints_m[rows]
        self._made_ns[rows] = prediction.joint_frame.time_ns[rows]
        self._track_ids[rows] = prediction.joint_frame.track_ids[rows]

    def extrapolate(self, people: People, time_ns: int) -> ExtrapolatedPoses:
        """Move the poses of one frame from its capture to a moment of the same clock; not back, where that is past."""
        captured = self._place(people.capture_time_ns)
        wanted = np.maximum(self._place(time_ns), captured)
        known = people.present & (self._track_ids == people.track_ids) & (people.track_ids >= 0) & (self._horizon > 0)
        moved_m = self._read(wanted) - self._read(captured)
        return ExtrapolatedPoses(
            known=known,
            joints_m=people.joints_m + moved_m,
            ahead_ms=((wanted - captured) * (1000.0 / self._rate_hz)).astype(np.float32),
            prediction_age_ms=((people.capture_time_ns - self._made_ns) / 1e6).astype(np.float32),
        )

    def _place(self, time_ns: int) -> NDArray[np.float64]:
        """Say where on each row's path a moment is, in frames from its beginning, clipped to its ends. (R,)."""
        place: NDArray[np.float64] = np.clip((time_ns - self._made_ns) * (self._rate_hz / 1e9), 0, self._horizon)
        return place

    def _read(self, place: NDArray[np.float64]) -> NDArray[np.float32]:
        low = np.minimum(place.astype(np.intp), self._horizon - 1)
        share = (place - low).astype(np.float32)[:, None, None]
        rows = np.arange(len(low))
        read: NDArray[np.float32] = self._path_m[rows, low] * (1 - share) + self._path_m[rows, low + 1] * share
        return read
