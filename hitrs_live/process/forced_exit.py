"""End a process that hangs: close what can be closed, end its children, exit with a code of its own."""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

import psutil

EXIT_HUNG: Final = 70
"""The exit code of a process that hung and was ended by itself."""
_CLOSE_WAIT_S: Final = 0.5


class ForcedExit:
    """Collect what should be closed first, and end the process. Any thread may end it, whatever the others do."""

    def __init__(self) -> None:
        """Begin with nothing to close."""
        self._closers: list[Callable[[], object]] = []
        self._last_words: Callable[[str], object] = _nothing

    def before(self, close: Callable[[], object]) -> None:
        """Add a function that closes something, called before the process ends; it may hang or raise."""
        self._closers.append(close)

    def report_to(self, last_words: Callable[[str], object]) -> None:
        """Set the function that writes why the process ends, called last; it must return soon."""
        self._last_words = last_words

    def end(self, reason: str) -> None:
        """End the process at once with EXIT_HUNG, a second later at the latest. Does not return."""
        try:
            threads = [threading.Thread(target=_attempt, args=(close,), daemon=True) for close in self._closers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(_CLOSE_WAIT_S / len(threads))
            # One that is stopped does not notice that its input ends.
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process().children():
                    child.kill()
            _attempt(lambda: self._last_words(reason))
        finally:
            os._exit(EXIT_HUNG)


def _attempt(action: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        action()


def _nothing(_: str) -> None:
    """Do nothing."""
