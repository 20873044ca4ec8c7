"""Resample joints from the camera's rate to the model's, by capture time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import JointFrame, People
from hitrs_live.streaming.source_rate import SourceRate

_TOLERANCE_S = 0.005
"""A frame up to this long before a grid instant is used for it: waiting for the next would add a frame of latency."""
_CLOCK_JUMP_S = 1.0
"""A capture clock that goes back by more than this was reset; by less, its stamps jitter."""


class Resampler:
    """Interpolate each row linearly onto a grid of instants that is anchored to the stream's first frame.

    A row's grid instant is emitted once a frame at or after it has come. A gap up to `bridge_s` is interpolated, of a
    slow source somewhat more than its own usual gap (`SourceRate`); a longer one, or another person in the row, ends
    the row's history, which `JointFrame.reset` marks.
    """

    def __init__(self, config: TrackConfig, *, rows: int, rate_hz: float) -> None:
        """Take the settings, the number of rows and the model's frame rate."""
        self.clock_faults = 0
        """Frames whose capture time was not after the previous frame's."""
        self._rate_hz = rate_hz
        self._pace = SourceRate(config.bridge_s)
        self._epoch_ns: int | None = None
        self._now_ns = 0
        self._track_ids = np.full(rows, -1, np.int64)
        self._seen = np.zeros(rows, bool)
        self._last_ns = np.zeros(rows, np.int64)
        self._next = np.zeros(rows, np.int64)
        self._joints_m = np.zeros((rows, 25, 3), np.float32)
        self._confidence = np.zeros((rows, 25), np.float32)

    @property
    def notice(self) -> str:
        """A warning about a source that is too slow, in one line; empty for any other."""
        return self._pace.notice

    def step(self, people: People) -> Sequence[JointFrame]:
        """Take one frame's people; return the grid instants that it completes, oldest first."""
        restarted = self._take_time(people.capture_time_ns)
        late = self._seen & (self._now_ns - self._last_ns > self._pace.bridge_ns)
        changed = people.track_ids != self._track_ids
        reset = (late | changed | restarted) & (self._seen | changed)
        self._seen &= ~reset
        self._track_ids = people.track_ids.copy()

        now = self._grid(self._now_ns, _TOLERANCE_S)
        begins = people.present & ~self._seen
        self._next[begins] = self._grid(self._now_ns, -_TOLERANCE_S, up=True)
        self._last_ns[begins] = self._now_ns
        self._joints_m[begins] = people.joints_m[begins]
        self._confidence[begins] = people.confidence[begins]

        joint_frames = list(self._between(people, now, reset))
        if not joint_frames and reset.any():
            joint_frames.append(self._joint_frame(people, self._next, np.zeros_like(reset), reset))
        present = people.present
        self._next[present] = np.maximum(self._next[present], now + 1)
        self._last_ns[present] = self._now_ns
        self._joints_m[present] = people.joints_m[present]
        self._confidence[present] = people.confidence[present]
        self._seen |= present
        return joint_frames

    def _between(self, people: People, now: int, reset: NDArray[np.bool_]) -> Sequence[JointFrame]:
        due = np.where(people.present, now + 1 - self._next, 0)
        joint_frames = []
        for ahead in range(int(due.max(initial=0))):
            first = reset if ahead == 0 else np.zeros_like(reset)
            joint_frames.append(self._joint_frame(people, self._next + ahead, ahead < due, first))
        return joint_frames

    def _joint_frame(
        self, people: People, instants: NDArray[np.int64], active: NDArray[np.bool_], reset: NDArray[np.bool_]
    ) -> JointFrame:
        assert self._epoch_ns is not None
        time_ns = self._epoch_ns + np.round(instants * (1e9 / self._rate_hz)).astype(np.int64)
        span_ns = np.maximum(self._now_ns - self._last_ns, 1)
        share = ((time_ns - self._last_ns) / span_ns).astype(np.float32)
        share[self._last_ns == self._now_ns] = 0.0
        return JointFrame(
            time_ns=time_ns,
            track_ids=self._track_ids,
            active=active,
            reset=reset,
            joints_m=self._joints_m + share[:, None, None] * (people.joints_m - self._joints_m),
            confidence=np.minimum(self._confidence, people.confidence),
        )

    def _grid(self, time_ns: int, tolerance_s: float, *, up: bool = False) -> int:
        """Count the grid instants up to a time: the last one at or before it, or the first at or after."""
        assert self._epoch_ns is not None
        position = ((time_ns - self._epoch_ns) / 1e9 + tolerance_s) * self._rate_hz
        return int(np.ceil(position) if up else np.floor(position))

    def _take_time(self, capture_time_ns: int) -> bool:
        """Advance to a frame's time; return True where the clock was reset, which ends every history."""
        if self._epoch_ns is None:
            self._epoch_ns = self._now_ns = capture_time_ns
            return False
        if capture_time_ns > self._now_ns:
            self._pace.take(capture_time_ns - self._now_ns)
            self._now_ns = capture_time_ns
            return False
        self.clock_faults += 1
        if self._now_ns - capture_time_ns > _CLOCK_JUMP_S * 1e9:
            self._epoch_ns = self._now_ns = capture_time_ns
            self._pace.forget()
            return True
        # Clamped to just after the previous frame: it counts as measured, and time never goes back.
        self._now_ns += 1
        return False
