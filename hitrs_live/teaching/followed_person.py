"""Keep the joints of the one person who is recorded, and what speaks against the recording."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import ActionConfig
from hitrs_live.messages import JointFrame, People
from hitrs_live.streaming.body_confidence import LEG_PARTS, PARTS, part_confidence
from hitrs_live.teaching.examples import RATE_HZ

Floats = NDArray[np.float32]

CLEAR: Final = ActionConfig().min_pose_confidence
"""Confidence from which a part of the body is seen."""
_NAMES: Final = {
    "shoulder": "shoulders", "elbow": "elbows", "hip": "hips", "knee": "knees", "head": "head",
}  # fmt: skip


class FollowedPerson:
    """The joints of one person at 30 Hz, as long as they are tracked without a gap; bounded by `most_s`."""

    def __init__(self, *, most_s: float) -> None:
        """Begin with no person. most_s: seconds of joints that are kept, the newest."""
        self._most = round(most_s * RATE_HZ)
        self._joints: list[Floats] = []
        self._confidence: list[Floats] = []
        self._row: int | None = None
        self.start_s = 0.0
        """Time of the first kept frame, since the first frame of the source."""
        self.frames = 0
        """Frames of the source while it was recorded."""
        self.first_s, self.newest_s = 0.0, 0.0
        """Time of the first and the newest of these."""
        self.crowded_s = 0.0
        """Seconds in which more than one person was seen."""
        self.present_s = 0.0
        """Seconds in which anyone was seen."""
        self._unseen = np.zeros(len(PARTS))

    def __len__(self) -> int:
        return len(self._joints)

    def observe(self, time_s: float, people: People, joint_frames: Sequence[JointFrame]) -> None:
        """Take in one frame of the source. Another person, or one who was lost for long, replaces the joints so far."""
        gap_s = min(time_s - self.newest_s, 1.0) if self.frames else 0.0
        self.first_s = self.first_s if self.frames else time_s
        self.frames, self.newest_s = self.frames + 1, time_s
        count = int(people.present.sum())
        self.present_s += gap_s * (count > 0)
        self.crowded_s += gap_s * (count > 1)
        for one in joint_frames:
            self._add(one, time_s)

    @property
    def rate_hz(self) -> float:
        """Frames of the source a second; 0 before the second."""
        return (self.frames - 1) / (self.newest_s - self.first_s) if self.newest_s > self.first_s else 0.0

    @property
    def unseen(self) -> str:
        """The parts that every action needs and that were not seen in most of the frames, in words; empty for none."""
        missing = [
            _NAMES[part] for part, is_missing in zip(PARTS, self._missing & ~LEG_PARTS, strict=True) if is_missing
        ]
        return " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)

    @property
    def legs_unseen(self) -> bool:
        """Whether hips or knees were not seen in most of the frames."""
        return bool((self._missing & LEG_PARTS).any())

    @property
    def _missing(self) -> NDArray[np.bool_]:
        """Which of PARTS were not seen in most of the frames, (5,)."""
        missing: NDArray[np.bool_] = self._unseen > 0.5 * len(self)
        return missing

    def joints(self) -> tuple[Floats, Floats]:
        """Return joints (T, 25, 3), metres in the camera's axes, and confidence (T, 25)."""
        if not self._joints:
            return np.zeros((0, 25, 3), np.float32), np.zeros((0, 25), np.float32)
        return np.stack(self._joints), np.stack(self._confidence)

    def _add(self, frame: JointFrame, time_s: float) -> None:
        if self._row is not None and frame.reset[self._row]:
            self._row = None
        if self._row is None:
            rows = np.flatnonzero(frame.active)
            if not len(rows):
                return
            self._row, self.start_s = int(rows[0]), time_s
            self._joints, self._confidence = [], []
            self._unseen[:] = 0
        if frame.active[self._row]:
            self._joints.append(frame.joints_m[self._row].copy())
            self._confidence.append(frame.confidence[self._row].copy())
            self._unseen += part_confidence(frame.confidence[self._row]) < CLEAR
        if len(self._joints) > self._most:
            del self._joints[0], self._confidence[0]
            self.start_s += 1 / RATE_HZ
