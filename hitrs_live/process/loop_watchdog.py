"""Watch a loop from a thread of its own: a step that takes too long is logged with where it is, and counted."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from hitrs_live.process.starvation import ThreadProgress
from hitrs_live.process.thread_place import place_of

_LONGEST_TICK_S: Final = 0.25
_log = logging.getLogger(__name__)


class LoopWatchdog:
    """Notice when a loop stands still.

    Time counts only while the watching thread itself gets to run: a machine that was suspended, a process that was
    stopped and one that gets no processor time are not a loop that hangs.
    """

    def __init__(
        self,
        *,
        slow_s: float,
        hung_s: float,
        on_hung: Callable[[str], object] | None = None,
        ping: Callable[[], object] | None = None,
        ping_every_s: float | None = None,
    ) -> None:
        """Set the limits.

        slow_s: a step that takes longer is logged and counted. hung_s: one that takes longer hangs; then on_hung is
        called, once, with where it is; 0 for never. ping: called every ping_every_s seconds while the loop does not
        hang; None for never.
        """
        self._slow_s, self._hung_s, self._on_hung = slow_s, hung_s, on_hung
        self._ping, self._ping_every_s = ping, ping_every_s
        self._beats = 0
        self.slow_steps = 0
        """Steps so far that took longer than slow_s."""
        self.notice = ""
        """Where the last such step was, in one line; empty before the first."""

    def beat(self) -> None:
        """Begin a step of the loop. Costs nothing to speak of."""
        self._beats += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the calling thread until the block ends."""
        ended = threading.Event()
        watched = (threading.get_ident(), ThreadProgress())
        thread = threading.Thread(target=self._watch, args=(ended, *watched), name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event, ident: int, progress: ThreadProgress) -> None:
        tick_s = min(_LONGEST_TICK_S, self._slow_s / 4, (self._hung_s or self._slow_s) / 4, self._ping_every_s or 1.0)
        beats, still_s, since_ping_s, cpu_s = -1, 0.0, float("inf"), 0.0
        last_s = time.monotonic()
        reported = hung = False
        while not ended.wait(tick_s):
            # A tick that came late says that the machine, not the loop, stood still.
            passed_s, last_s = min(time.monotonic() - last_s, 2 * tick_s), time.monotonic()
            if self._beats != beats:
                if reported:
                    _log.warning("the step that was slow went on after %.1f s", still_s)
                beats, still_s, cpu_s, reported, hung = self._beats, 0.0, progress.cpu_time_s(), False, False
            still_s += passed_s
            if still_s >= self._slow_s and not reported:
                reported = True
                self._report(place_of(ident))
            if self._hung_s and still_s >= self._hung_s and not hung:
                starved = progress.waits_for_machine() and progress.cpu_time_s() - cpu_s < self._hung_s
                hung = not starved
                if hung and self._on_hung is not None:
                    self._on_hung(f"a step of the pipeline takes longer than {self._hung_s:g} s, in {place_of(ident)}")
            since_ping_s += passed_s
            if self._ping is not None and not hung and since_ping_s >= (self._ping_every_s or float("inf")):
                since_ping_s = 0.0
                self._ping()

    def _report(self, where: str) -> None:
        self.slow_steps += 1
        self.notice = f"a step of the pipeline took longer than {self._slow_s:g} s, in {where}"
        _log.warning("%s", self.notice)
