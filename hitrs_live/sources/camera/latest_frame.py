"""Pass the newest picture, and nothing older, from a capture thread to its reader."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.liveness import Liveness
from hitrs_live.sources.pacing import MonotonicClock

_LONGEST_WAIT_S = 0.05
"""How late a stall may be noticed; a new picture ends a wait at once."""


class LatestFrame:
    """Keep the newest picture and count the ones that were lost, by cause.

    camera: overwritten before it was read. stale: older than max_frame_age_s when it was read, or arrived.
    One thread puts, one takes. `take` checks for silence, so a capture that hangs cannot hide it.
    """

    def __init__(self, liveness: Liveness, *, max_frame_age_s: float, clock: MonotonicClock) -> None:
        """Take the state machine that this box updates, and the age above which a picture is dropped."""
        self._liveness = liveness
        self._max_age_ns = int(max_frame_age_s * 1e9)
        self._clock = clock
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._changes: list[SourceChange] = []
        self._trouble = ""
        self._index = 0
        self._last_ns = -1
        self._is_read = False
        self._drops = {"camera": 0, "stale": 0}

    def begin(self) -> None:
        """Start to count silence."""
        with self._changed:
            self._changes.append(self._liveness.begin(self._clock()))

    def put(self, arrival_ns: int, image: NDArray[np.uint8]) -> None:
        """Replace the last picture. image: (height, width, 3) uint8."""
        with self._changed:
            # Two pictures may share a clock reading; two capture times may not.
            self._last_ns = max(arrival_ns, self._last_ns + 1)
            self._changes += self._liveness.observe(self._last_ns, f"{image.shape[1]} x {image.shape[0]}")
            self._trouble = ""
            if self._frame is not None:
                self._drops["camera"] += 1
            self._frame = Frame(
                index=self._index, capture_time_ns=self._last_ns, received_ns=self._last_ns, image=image
            )
            self._index += 1
            self._changed.notify()

    def drop_old(self, reason: str) -> None:
        """Count a picture that was too old when it arrived. To the state it is silence, of which this is the reason."""
        with self._changed:
            self._drops["stale"] += 1
            self._trouble = reason

    def note_trouble(self, reason: str) -> None:
        """Remember why there are no pictures, for the next change's detail; before the first picture, add a change."""
        with self._changed:
            self._trouble = reason
            self._changes += self._liveness.note_trouble(self._clock(), reason)
            self._changed.notify()

    def take(self, timeout_s: float) -> list[SourceItem]:
        """Return the changes since the last call and the newest picture, by time; wait for the first of either."""
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            if not self._is_read:
                self._is_read = True
                # The reader may have taken longer to get ready than a source may be silent.
                self._liveness.begin_waiting(self._clock())
            while True:
                self._changes += self._liveness.check(self._clock(), self._trouble)
                items: list[SourceItem] = [*self._changes, *self._take_fresh()]
                self._changes = []
                left_s = give_up_s - time.monotonic()
                if items or left_s <= 0:
                    # The sort is stable: "up" stays before the picture that shares its time.
                    return sorted(items, key=_time_ns)
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))

    def forget_drops(self) -> None:
        """Set the counts to zero."""
        with self._changed:
            self._drops = dict.fromkeys(self._drops, 0)

    def drops(self) -> dict[str, int]:
        """Count the losses by cause."""
        with self._changed:
            return dict(self._drops)

    def _take_fresh(self) -> tuple[Frame, ...]:
        frame, self._frame = self._frame, None
        if frame is None:
            return ()
        if self._clock() - frame.capture_time_ns > self._max_age_ns:
            self._drops["stale"] += 1
            return ()
        return (frame,)


def _time_ns(item: SourceItem) -> int:
    return item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns
