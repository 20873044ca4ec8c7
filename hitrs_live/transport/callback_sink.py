"""Call a user's function with every message, in its own thread, so that it can neither stop nor delay a pipeline."""

import logging
import threading
from collections.abc import Callable

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue

Callback = Callable[[AnyMessage], object]
_log = logging.getLogger(__name__)
_LINGER_S = 5.0
"""Longest time that closing waits for the function to take the remaining messages."""


class CallbackSink:
    """Call a function with every message, in order.

    Exceptions, including SystemExit, are counted and reported in `notice`, and the first one is logged with its
    traceback; the function is still called with the next message. If the function is too slow, `MessageQueue` decides
    which messages are lost.
    """

    def __init__(self, function: Callback, queue: MessageQueue) -> None:
        """Start the thread."""
        self.errors = 0
        """Number of times that the function raised."""
        self._function, self._queue = function, queue
        self._last_error = ""
        self._name = getattr(function, "__name__", type(function).__name__)
        self._thread = threading.Thread(target=self._run, name=f"sink {self._name}", daemon=True)
        self._thread.start()

    @property
    def drops(self) -> int:
        """Number of messages lost because the function was too slow."""
        return self._queue.drops

    @property
    def notice(self) -> str:
        """A one-line report of the function's exceptions; empty if there were none."""
        if not self.errors:
            return ""
        return f"sink {self._name} failed {self.errors} times, last with {self._last_error}"

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs in the function's own thread."""
        return threading.current_thread() is self._thread

    def put(self, message: AnyMessage) -> None:
        """Queue a message for the function."""
        self._queue.put(message)

    def close(self) -> None:
        """Wait until the function has taken all messages, for 5 s at most."""
        self._queue.finish()
        self._thread.join(_LINGER_S)
        if self._thread.is_alive():
            _log.warning("sink %s did not return within %g s; its remaining messages are lost", self._name, _LINGER_S)
            self._queue.discard()

    def _run(self) -> None:
        while not self._queue.is_over:
            message = self._queue.get()
            if message is None:
                continue
            try:
                self._function(message)
            except BaseException as error:  # The user's own code: it may well succeed with the next message.
                self.errors += 1
                self._last_error = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                _log.log(
                    logging.ERROR if self.errors == 1 else logging.DEBUG,
                    "sink %s failed; it is still called with later messages", self._name, exc_info=error,
                )  # fmt: skip
