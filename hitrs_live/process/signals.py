"""End what runs in order when a signal asks for it."""

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


class _Stopped(BaseException):
    """A signal came in while a block that it may break off was running."""


@contextmanager
def broken_off(stop: threading.Event) -> Iterator[None]:
    """Break the block off at the first signal and set `stop`; the run goes on behind it.

    For what waits long and has nothing to end in order. Within `stopping` only; off the main thread, which signals do
    not reach, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        raise _Stopped

    before = {number: signal.signal(number, handle) for number in stop_signals()}
    try:
        yield
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does, also a write that waits; does nothing off the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in stop_signals() if number != signal.SIGINT}
    try:
        yield
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
