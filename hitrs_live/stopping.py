"""End a run in order when it is asked to by a signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into an event that ends the run in order.

    A second Ctrl-C or SIGTERM breaks it off. A second SIGHUP does not: a terminal that closes often sends two. Where
    SIGHUP was ignored when the program began, as `nohup` asks for, it stays so.
    """
    stop = threading.Event()
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        stop.set()
        if number in (signal.SIGINT, signal.SIGTERM):
            if asked:
                raise KeyboardInterrupt
            asked = True

    before = {number: signal.signal(number, handle) for number in stop_signals()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_signals() -> list[signal.Signals]:
    """List the signals that ask a run to end here."""
    found = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        found.append(hang_up)
    return found
