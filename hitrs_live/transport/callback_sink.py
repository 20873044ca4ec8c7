"""A user's own function as a sink, called in a thread of its own: it can neither stop nor delay a live pipeline."""

import logging
import threading
from collections.abc import Callable

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue

Callback = Callable[[AnyMessage], object]
_log = logging.getLogger(__name__)
_LINGER_S = 5.0
"""How long the end waits for a function that still has messages to take."""


class CallbackSink:
    """Call a function with every message, in their order.

    What it raises, SystemExit included, is counted and reported (`notice`), the first time logged with its traceback;
    the function is called with the next message all the same. What it is too slow for is lost as `MessageQueue` has it.
    """

    def __init__(self, function: Callback, queue: MessageQueue) -> None:
        """Start the thread."""
        self.errors = 0
        """How often the function raised."""
        self._function, self._queue = function, queue
        self._last_error = ""
        self._name = getattr(function, "__name__", type(function).__name__)
        self._thread = threading.Thread(target=self._run, name=f"sink {self._name}", daemon=True)
        self._thread.start()

    @property
    def drops(self) -> int:
        """Count the messages that the function was too slow for."""
        return self._queue.drops

    @property
    def notice(self) -> str:
        """What went wrong, in one line; empty where nothing did."""
        if not self.errors:
            return ""
        return f"sink {self._name} failed {self.errors} times, last with {self._last_error}"

    @property
    def is_current_thread(self) -> bool:
        """Whether it is the function itself that asks."""
        return threading.current_thread() is self._thread

    def put(self, message: AnyMessage) -> None:
        """Pass a message on."""
        self._queue.put(message)

    def close(self) -> None:
        """Wait, for some seconds at most, until the function has had all messages."""
        self._queue.finish()
        self._thread.join(_LINGER_S)
        if self._thread.is_alive():
            _log.warning("sink %s did not return within %g s; what it has not had is lost", self._name, _LINGER_S)
            self._queue.discard()

    def _run(self) -> None:
        while not self._queue.is_over:
            message = self._queue.get()
            if message is None:
                continue
            try:
                self._function(message)
            except BaseException as error:  # The user's own code; whatever it is, the next message may go well.
                self.errors += 1
                self._last_error = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                _log.log(
                    logging.ERROR if self.errors == 1 else logging.DEBUG,
                    "sink %s failed and is called on", self._name, exc_info=error,
                )  # fmt: skip
