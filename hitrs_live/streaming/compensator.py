"""Latency compensation: extrapolate measured poses to a later time along the model's motion predictions."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import ExtrapolatedPoses, JointFrame, People, Prediction


class LatencyCompensator:
    """Keep each row's newest prediction and move measured poses along it. R rows, F frames ahead.

    A prediction is a path: the pose at which it was made, then its frames, with straight lines between. It is mostly
    older than the newest frame, which shows better where the body is. So a measured pose is moved by the difference of
    the path between the frame's capture and the time asked for. Past the path's end there is no further movement.
    """

    def __init__(self, *, rows: int, rate_hz: float, horizon: int) -> None:
        """Take the predictions' shape: `horizon` frames ahead at a rate; with 0, no pose is known ahead."""
        self._rate_hz, self._horizon = rate_hz, horizon
        self._path_m = np.zeros((rows, horizon + 1, 25, 3), np.float32)
        self._predicted_ns = np.zeros(rows, np.int64)
        self._track_ids = np.full(rows, -1, np.int64)

    def observe(self, joint_frame: JointFrame) -> None:
        """Forget the rows whose track ended."""
        self._track_ids[joint_frame.reset] = -1

    def step(self, prediction: Prediction) -> None:
        """Take the new predictions; each replaces its row's older one."""
        rows = np.flatnonzero(prediction.has_output)
        self._path_m[rows, 0] = prediction.joint_frame.joints_m[rows]
        self._path_m[rows, 1:] = prediction.future_joints_m[rows]
        self._predicted_ns[rows] = prediction.joint_frame.time_ns[rows]
        self._track_ids[rows] = prediction.joint_frame.track_ids[rows]

    def extrapolate(self, people: People, time_ns: int) -> ExtrapolatedPoses:
        """Extrapolate the poses of one frame from its capture to a time of the same clock, never backwards."""
        captured = self._position(people.capture_time_ns)
        target = np.maximum(self._position(time_ns), captured)
        known = people.present & (self._track_ids == people.track_ids) & (people.track_ids >= 0) & (self._horizon > 0)
        moved_m = self._read(target) - self._read(captured)
        return ExtrapolatedPoses(
            known=known,
            joints_m=people.joints_m + moved_m,
            ahead_ms=((target - captured) * (1000.0 / self._rate_hz)).astype(np.float32),
            prediction_age_ms=((people.capture_time_ns - self._predicted_ns) / 1e6).astype(np.float32),
        )

    def _position(self, time_ns: int) -> NDArray[np.float64]:
        """Return where on each row's path a time is, in frames from its start, clipped to its ends. (R,)."""
        position: NDArray[np.float64] = np.clip(
            (time_ns - self._predicted_ns) * (self._rate_hz / 1e9), 0, self._horizon
        )
        return position

    def _read(self, position: NDArray[np.float64]) -> NDArray[np.float32]:
        """Interpolate each row's path. position: (R,), frames. Returns (R, 25, 3), metres."""
        low = np.minimum(position.astype(np.intp), self._horizon - 1)
        share = (position - low).astype(np.float32)[:, None, None]
        rows = np.arange(len(low))
        read: NDArray[np.float32] = self._path_m[rows, low] * (1 - share) + self._path_m[rows, low + 1] * share
        return read
