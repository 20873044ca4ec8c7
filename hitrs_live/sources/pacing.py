"""Play a file's frames at the file's own pace, or as fast as they are read."""

import threading
import time
from collections.abc import Callable
from typing import Literal, get_args

Speed = Literal["real", "max"]
"""real: paced by the file's own times; max: unpaced, time counts from 0, the same in every run."""

MonotonicClock = Callable[[], int]
"""Gives monotonic nanoseconds."""


class Pacer:
    """Turn a file's times, nanoseconds from 0, into capture times, and wait for them where it is paced."""

    def __init__(self, speed: Speed, clock: MonotonicClock) -> None:
        """Raise ValueError for a speed that is neither "real" nor "max"."""
        if speed not in get_args(Speed):
            raise ValueError(f"speed: got {speed!r}, expected one of {', '.join(get_args(Speed))}")
        self._paced = speed == "real"
        self._clock = clock
        self._start_ns = 0
        self._cancelled = threading.Event()

    def start(self) -> None:
        """Let file time 0 be now. Called when the first item is asked for, so that set-up time delays nothing."""
        self._start_ns = self._clock() if self._paced else 0

    def capture_time_ns(self, file_time_ns: int) -> int:
        """Convert a file's time to the clock's (paced), or return it as it is (unpaced)."""
        return self._start_ns + file_time_ns

    def wait(self, file_time_ns: int, timeout_s: float) -> bool:
        """Wait until a file's time is due, timeout_s at the longest; return whether it is."""
        if not self._paced:
            return True
        give_up_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while not self._cancelled.is_set():
            missing_ns = self.capture_time_ns(file_time_ns) - self._clock()
            if missing_ns <= 0:
                return True
            left_ns = give_up_ns - time.monotonic_ns()
            if left_ns <= 0:
                return False
            self._cancelled.wait(min(missing_ns, left_ns) / 1e9)
        return False

    def cancel(self) -> None:
        """End a wait in another thread, and every later one."""
        self._cancelled.set()
