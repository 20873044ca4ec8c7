"""Limit how often each track's scores and motion are published."""

from collections.abc import Set

import numpy as np

from hitrs_live.messages import Prediction
from hitrs_live.streaming.hysteresis import SLACK_NS

_LONG_AGO_NS = -(2**62)


class Throttle:
    """Choose the tracks whose scores and motion are due for publishing; 30 a second would fill a disk."""

    def __init__(self, *, rows: int, pause_s: float) -> None:
        """Take the number of rows and the shortest time between two published predictions of a row."""
        self.set_pause(pause_s)
        self._published_ns = np.full(rows, _LONG_AGO_NS)
        """(R,); when each row's scores and motion were last published."""

    def set_pause(self, pause_s: float) -> None:
        """Set the shortest time between two published predictions of a row, seconds."""
        self._pause_ns = round(pause_s * 1e9) - SLACK_NS

    def step(self, prediction: Prediction) -> Set[int]:
        """Return the track ids that are due, and count them as published."""
        joint_frame = prediction.joint_frame
        self._published_ns[joint_frame.reset] = _LONG_AGO_NS
        due = prediction.has_output & (joint_frame.time_ns - self._published_ns >= self._pause_ns)
        self._published_ns[due] = joint_frame.time_ns[due]
        return frozenset(joint_frame.track_ids[due].tolist())
