"""Shut down in order at a signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Set an event at the first Ctrl-C, SIGTERM or SIGHUP, so that the run shuts down in order.

    A second Ctrl-C or SIGTERM interrupts it. A second SIGHUP does not, because a closing terminal often sends two. If
    SIGHUP was ignored when the program began, as under `nohup`, it stays ignored.
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
    """A signal arrived inside a block that it may interrupt."""


@contextmanager
def interrupted_by(stop: threading.Event) -> Iterator[None]:
    """Leave the block at the first signal and set `stop`; execution continues after the block.

    For long waits that need no orderly shutdown. Use it only inside `stop_on_signals`. Outside the main thread, which
    is the only one that receives signals, it does nothing.
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
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, even in a blocked write.

    Outside the main thread it does nothing.
    """
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
    """Return the signals that end a run on this system: SIGINT, SIGTERM and, unless it is ignored, SIGHUP."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        numbers.append(hang_up)
    return numbers
