"""Limit how long a process may take to stop after a signal, whatever its main thread does.

A signal handler of Python runs in the main thread, between two of its instructions: never where that thread waits
inside a library. Python's wake-up descriptor is written at once, and a thread of our own reads it.
"""

import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from hitrs_live.process.signals import stop_signals
from hitrs_live.process.starvation import waits_for_machine
from hitrs_live.process.thread_place import place_of

_TICK_S: Final = 0.05
_LOOK_S: Final = 0.1
"""How long it takes to see whether the process waits for the machine."""
_ASKED_TWICE_S: Final = 0.3
LONGEST: Final = 5.0
"""So many times as long may a process take that the machine gives too little processor time."""
_log = logging.getLogger(__name__)


@contextmanager
def stop_deadline(
    stop: threading.Event,
    within_s: float,
    on_overdue: Callable[[str], object],
    on_stop: Callable[[], object],
    *,
    longest_s: float | None = None,
) -> Iterator[None]:
    """Set `stop` at the first stop signal, and call on_overdue if the block has not ended within_s seconds later.

    on_overdue gets the reason in one line, with where the calling thread is. The time in which the process itself was
    stopped or got no processor does not count. A process that hangs sleeps; while one of its threads wants the
    processor or waits for the disk, and all of them together have had less than within_s seconds of processor time, it
    goes on, and may take up to longest_s seconds; None for LONGEST times within_s.

    on_stop: called at the first signal, in a thread of its own; it must not block. A second SIGINT or SIGTERM shortens
    the time to a moment. Use it in the main thread, inside `stop_on_signals`.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    deadline = _Deadline(within_s, LONGEST * within_s if longest_s is None else longest_s, threading.get_ident())
    thread = threading.Thread(
        target=_watch, args=(reading, stop, deadline, on_overdue, on_stop, frozenset(stop_signals())),
        name="stop", daemon=True,
    )  # fmt: skip
    thread.start()
    try:
        yield
    finally:
        # Before this thread waits for the other one, which must not take that for a hang.
        deadline.is_met = True
        signal.set_wakeup_fd(before)
        # The thread reads the end of the stream.
        writing.close()
        thread.join()
        reading.close()


class _Deadline:
    """Whether the time to stop is over, from the first signal on; used by the thread that watches."""

    def __init__(self, within_s: float, longest_s: float, ident: int) -> None:
        """Take the limits, and the thread that stops."""
        self._within_s, self._longest_s, self._ident = within_s, longest_s, ident
        self._left_s = within_s
        self._passed_s = self._last_s = self._cpu_s = 0.0
        self._asked = 0
        self._is_extended = False
        self.is_met = False
        """Whether the block has ended; set by the thread that stops."""

    @property
    def runs(self) -> bool:
        return self._asked > 0

    def ask(self) -> None:
        """Take a signal; the second one insists."""
        if not self._asked:
            self._last_s, self._cpu_s = time.monotonic(), _cpu_of_others_s()
        self._asked += 1
        if self._asked > 1:
            self._left_s = min(self._left_s, _ASKED_TWICE_S)

    def why_over(self) -> str:
        """Return why the time is over, in one line; empty while it is not. Call it every tick."""
        now_s = time.monotonic()
        passed_s, self._last_s = min(now_s - self._last_s, 2 * _TICK_S), now_s
        self._left_s -= passed_s
        self._passed_s += passed_s
        if self._left_s > (0.0 if self._asked > 1 else _LOOK_S):
            return ""
        place = place_of(self._ident)
        if self._asked > 1:
            return f"two signals came; it was in {place}"
        overdue = f"it did not stop within {self._within_s:g} s of a signal"
        if self._passed_s >= self._longest_s:
            return f"{overdue}, nor within {self._longest_s:g} s on a busy machine; it was in {place}"
        if _cpu_of_others_s() - self._cpu_s >= self._within_s:
            return f"{overdue}; it still computes in {place}"
        if not waits_for_machine(os.getpid(), but=threading.get_native_id()):
            return f"{overdue}; it hangs in {place}"
        if not self._is_extended:
            self._is_extended = True
            _log.warning("stopping takes longer than %g s: the machine is busy; in %s", self._within_s, place)
        return ""


def _cpu_of_others_s() -> float:
    """Return the processor time that all threads but the calling one have used, seconds.

    On a busy machine the thread that watches looks so often that its own time would count against the others.
    """
    return time.process_time() - time.thread_time()


def _watch(
    reading: socket.socket,
    stop: threading.Event,
    deadline: _Deadline,
    on_overdue: Callable[[str], object],
    on_stop: Callable[[], object],
    numbers: frozenset[int],
) -> None:
    while True:
        if select.select([reading], [], [], _TICK_S if deadline.runs else None)[0]:
            arrived = reading.recv(64)
            if not arrived:
                return
            for number in arrived:
                if number in numbers and not deadline.runs:
                    deadline.ask()
                    stop.set()
                    on_stop()
                elif number in (signal.SIGINT, signal.SIGTERM):
                    # A closing terminal often sends SIGHUP twice.
                    deadline.ask()
        # Looking takes a while, in which the block may have ended.
        if deadline.runs and (reason := deadline.why_over()) and not deadline.is_met:
            on_overdue(reason)
            return
