"""A camera that always has a picture, and a pose estimator that sees no one in it."""

import itertools
import time
from collections.abc import Sequence

import numpy as np

from hitrs_live.messages import Frame, PoseFrame
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.sources.base import SourceItem


class EmptyRoomCamera:
    """A camera that always has a picture. live: whether it counts as one, or as a file."""

    has_pictures = True

    def __init__(self, source_id: str, *, live: bool = True) -> None:
        self.source_id, self.live = source_id, live
        self._index = itertools.count()

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        now_ns = time.monotonic_ns()
        return [
            Frame(
                index=next(self._index), capture_time_ns=now_ns, received_ns=now_ns, image=np.zeros((1, 1, 3), np.uint8)
            )
        ]

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


class SeesNoOne:
    """A pose estimator that sees no one. takes_s: how long it looks at a picture, seconds."""

    skeleton = MEDIAPIPE33
    restarts, notice, people_limit = 0, "", None

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s

    def open(self) -> None:
        pass

    def step(self, frame: Frame) -> PoseFrame | None:
        time.sleep(self.takes_s)
        return PoseFrame(
            index=frame.index, capture_time_ns=frame.capture_time_ns, received_ns=frame.received_ns, poses=()
        )

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass
