"""A user's own function as a sink, called in a thread of its own: it can neither stop nor delay a live pipeline."""

import logging
import threading
from collections.abc import Callable, Sequence

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue

Callback = Callable[[AnyMessage], object]
_log = logging.getLogger(__name__)
_LINGER_S = 5.0
"""How long the end waits for a function that still has messages to take."""


class CallbackSink:
    """Call a function with every message, in their order.

    What it raises, SystemExit included, is counted and reported (`notices`), the first time logged with its traceback;
    the function is called with the next message all the same. What it is too slow for is lost as `MessageQueue` has it.
    """

    def __init__(self, function: Callback, queue: MessageQueue) -> None:
        """Start the thread."""
        self.errors = 0
        """How often the function raised."""
        self._function, self._queue = function, queue
        self._last_error = ""
        self.name = f"sink {getattr(function, '__name__', type(function).__name__)}"
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def drops(self) -> dict[str, int]:
        """Count the messages that the function was too slow for, as "sink"."""
        return {"sink": self._queue.drops}

    @property
    def notices(self) -> Sequence[str]:
        """Say how often the function raised, and what it raised last."""
        return (f"{self.name} failed {self.errors} times, last with {self._last_error}",) if self.errors else ()

    @property
    def is_current_thread(self) -> bool:
        """Whether it is the function itself that asks."""
        return threading.current_thread() is self._thread

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Pass a message on, as it is. Blocks where the queue waits for the function, see `MessageQueue`."""
        self._queue.put(message)
        return message

    def close(self) -> None:
        """Wait, for some seconds at most, until the function has had all messages."""
        self._queue.finish()
        self._thread.join(_LINGER_S)
        if self._thread.is_alive():
            _log.warning("%s did not return within %g s; what it has not had is lost", self.name, _LINGER_S)
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
                    "%s failed and is called on", self.name, exc_info=error,
                )  # fmt: skip
