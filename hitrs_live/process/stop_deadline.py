"""Limit how long a process may take to stop after a signal, whatever its main thread does.

A signal handler of Python runs in the main thread, between two of its instructions: never where that thread waits
inside a library. Python's wake-up descriptor is written at once, and a thread of our own reads it.
"""

import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from hitrs_live.process.signals import stop_signals

_TICK_S: Final = 0.05
_ASKED_TWICE_S: Final = 0.3


@contextmanager
def stop_deadline(
    stop: threading.Event,
    within_s: float,
    on_overdue: Callable[[str], object],
    on_stop: Callable[[], object],
) -> Iterator[None]:
    """Set `stop` at the first stop signal, and call on_overdue if the block has not ended within_s seconds later.

    on_stop: called at the first signal, in a thread of its own; it must not block. A second SIGINT or SIGTERM shortens
    the time to a moment. The time in which the process itself was stopped or got no processor does not count. Use it in
    the main thread, inside `stop_on_signals`.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(
        target=_watch,
        args=(reading, stop, within_s, on_overdue, on_stop, frozenset(stop_signals())),
        name="stop",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        # The thread reads the end of the stream.
        writing.close()
        thread.join()
        reading.close()


def _watch(
    reading: socket.socket,
    stop: threading.Event,
    within_s: float,
    on_overdue: Callable[[str], object],
    on_stop: Callable[[], object],
    numbers: frozenset[int],
) -> None:
    asked, left_s, last_s = 0, within_s, 0.0
    while True:
        if select.select([reading], [], [], _TICK_S if asked else None)[0]:
            arrived = reading.recv(64)
            if not arrived:
                return
            for number in arrived:
                if number in numbers and not asked:
                    asked, last_s = 1, time.monotonic()
                    stop.set()
                    on_stop()
                elif number in (signal.SIGINT, signal.SIGTERM):
                    # A closing terminal often sends SIGHUP twice.
                    asked += 1
            if asked > 1:
                left_s = min(left_s, _ASKED_TWICE_S)
        if asked:
            now_s = time.monotonic()
            left_s -= min(now_s - last_s, 2 * _TICK_S)
            last_s = now_s
            if left_s <= 0:
                on_overdue(f"it did not stop within {within_s:g} s of a signal" if asked == 1 else "two signals came")
                return
