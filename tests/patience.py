"""Wait for events: no test depends on how fast the machine is, only a hang fails it."""

import time
from collections.abc import Callable

PATIENCE_S = 600.0
"""The longest wait for one event: whatever takes longer hangs. No test may depend on its being short."""


def wait_until(condition: Callable[[], object], what: str, *, pause_s: float = 0.01) -> None:
    """Wait until a condition is true, looked at every pause_s seconds. Raises AssertionError after PATIENCE_S."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited {PATIENCE_S:g} s without success: {what}"
        time.sleep(pause_s)


class ManualClock:
    """A monotonic clock in nanoseconds that only the test advances."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now_ns += round(seconds * 1e9)
