"""Joints as they were received: messages that wait to be read, and frames made of them."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hitrs_live.errors import MessageMalformed
from hitrs_live.joint_checks import MOST_BAD, find_bad, find_beyond, find_bodies, find_confident
from hitrs_live.messages import JointsEvent, PoseFrame, SourceChange, SourceClock
from hitrs_live.wire.codec import pose_frame

MAX_WAITING: Final = 256
"""Messages kept for a busy reader; the oldest are dropped first."""
MAX_WAITING_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, kw_only=True)
class ReceivedJoints:
    """A message that waits to be read."""

    event: JointsEvent
    size: int
    """Bytes of the message."""
    placed_ns: int
    """Its capture time on the source's timeline."""
    received_ns: int
    clock: SourceClock

    def frame(self) -> PoseFrame:
        """Unpack the poses, of a crowd the nearest people. Raises MessageMalformed where they are none."""
        topic, frame = self.event.topic, pose_frame(self.event, self.received_ns)
        for pose in frame.poses:
            if find_confident(pose.confidence).mean() <= MOST_BAD:
                raise MessageMalformed(f"{topic}: got confidences such as {pose.confidence[0]}, expected 0 to 1")
            if not all(values is None or np.isfinite(values).all() for values in (pose.box, pose.keypoints)):
                raise MessageMalformed(f"{topic}: boxes and keypoints must be finite, or unknown as a whole")
        return replace(frame, capture_time_ns=self.placed_ns, clock=self.clock)


class WaitingJoints:
    """Keep messages and changes of state, in order, bounded in number and bytes; the oldest messages make room."""

    def __init__(self) -> None:
        self._items: deque[SourceChange | ReceivedJoints] = deque()
        self._size = 0

    def add_changes(self, changes: list[SourceChange]) -> None:
        """Add changes of state, which are never dropped: silence alone makes them."""
        self._items += changes

    def add(self, received: ReceivedJoints) -> int:
        """Add a message; return how many were dropped to make room for it."""
        self._items.append(received)
        self._size += received.size
        dropped = 0
        while len(self._items) > MAX_WAITING or self._size > MAX_WAITING_BYTES:
            oldest = next((n for n, item in enumerate(self._items) if isinstance(item, ReceivedJoints)), None)
            if oldest is None:
                break
            self._size -= getattr(self._items[oldest], "size", 0)
            del self._items[oldest]
            dropped += 1
        return dropped

    def take(self) -> SourceChange | ReceivedJoints | None:
        """Take the oldest item; None if there is none."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, ReceivedJoints):
            self._size -= item.size
        return item


def count_bad(frame: PoseFrame) -> int:
    """Count the joints without a position or a confidence of all bodies that are people, and those out of range of all.

    Other bodies are padding, which may be zeros or not numbers.
    """
    return sum(
        int((find_bad(pose.joints_m) | ~find_confident(pose.confidence)).sum())
        if find_bodies(pose.joints_m, pose.confidence)
        else int(find_beyond(pose.joints_m).sum())
        for pose in frame.poses
    )
