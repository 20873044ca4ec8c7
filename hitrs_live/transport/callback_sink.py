"""Call a user's function with every message, in its own thread, so that it can neither stop nor delay a pipeline."""

import logging
import threading
from collections.abc import Callable, Sequence

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue

Callback = Callable[[AnyMessage], object]
_log = logging.getLogger(__name__)
_LINGER_S = 5.0
"""Longest time that closing waits for the function to take the remaining messages."""


class CallbackSink:
    """Call a function with every message, in their order.

    Exceptions, including SystemExit, are counted and reported in `notices`, and the first one is logged with its
    traceback; the function is still called with the next message. If the function is too slow, `MessageQueue` decides
    which messages are lost.
    """

    def __init__(self, function: Callback, queue: MessageQueue) -> None:
        """Start the thread."""
        self.errors = 0
        """Number of times that the function raised."""
        self._function, self._queue = function, queue
        self._last_error = ""
        self.name = f"sink {getattr(function, '__name__', type(function).__name__)}"
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def drops(self) -> dict[str, int]:
        """Return the number of messages lost because the function was too slow, as "sink"."""
        return {"sink": self._queue.drops}

    @property
    def notices(self) -> Sequence[str]:
        """Report of the function's exceptions: their number and the last one; empty if there were none."""
        return (f"{self.name} failed {self.errors} times, last with {self._last_error}",) if self.errors else ()

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs in the function's own thread."""
        return threading.current_thread() is self._thread

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Queue a message for the function; return it unchanged. Blocks if the queue waits (see `MessageQueue`)."""
        self._queue.put(message)
        return message

    def close(self) -> None:
        """Wait until the function has taken all messages, for 5 s at most."""
        self._queue.finish()
        self._thread.join(_LINGER_S)
        if self._thread.is_alive():
            _log.warning("%s did not return within %g s; its remaining messages are lost", self.name, _LINGER_S)
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
                    "%s failed; it is still called with later messages", self.name, exc_info=error,
                )  # fmt: skip
