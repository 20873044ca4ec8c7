"""Combine several sinks into one, and contain the faults of a sink."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.sink import Sink

_LONGEST_TEXT = 240
_log = logging.getLogger(__name__)


class ContainedSink:
    """Pass messages to a sink until it raises; then close it, and count later messages as lost."""

    def __init__(self, sink: Sink, *, cause: str) -> None:
        """Wrap a sink. cause: the key of lost messages in `drops`."""
        self.name = sink.name
        self._sink, self._cause = sink, cause
        self._lost = 0
        self._faults: list[str] = []
        self._has_failed = False
        # A process that is about to end closes it from another thread, but never in the middle of a message.
        self._in_use = threading.RLock()

    @property
    def notices(self) -> Sequence[str]:
        """Return the notices of the sink, and the error that ended it."""
        return (*self._sink.notices, *self._faults)

    def drops(self) -> dict[str, int]:
        """Return the sink's own losses plus the messages lost since it raised, including that one."""
        return add_drops(self._sink.drops(), {self._cause: self._lost})

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Publish a message; return it unchanged once the sink has raised."""
        with self._in_use:
            if not self._has_failed:
                try:
                    return self._sink.publish(message)
                except Exception as error:  # Any error, of its own code or of a library, ends only this sink.
                    self._note(error)
                    self._has_failed = True
                    self._attempt(self._sink.close)
            self._lost += 1
            return message

    def close(self) -> None:
        """Close the sink, unless it has ended; safe at any time, and to repeat."""
        with self._in_use:
            if not self._has_failed:
                self._attempt(self._sink.close)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # As above.
            self._note(error)

    def _note(self, error: Exception) -> None:
        self._faults.append(ended_by(self.name, error))
        _log.debug("%s", self._faults[-1], exc_info=error)


class MultiSink:
    """Publish to several sinks: the first one stamps the messages, and the others get them as it sent them.

    An error of the first sink is raised, since the run has no purpose without it. Another sink that raises is closed
    and left out from then on; `notices` has the error, and the messages that it did not get are counted as "sink".
    """

    def __init__(self, first: Sink, others: Sequence[Sink] = ()) -> None:
        """Set the sinks, in the order in which they get a message. `close` closes all of them."""
        self.name = first.name
        self._first = first
        self._others = [ContainedSink(sink, cause="sink") for sink in others]

    @property
    def notices(self) -> Sequence[str]:
        """The notices of all sinks."""
        return tuple(notice for sink in (self._first, *self._others) for notice in sink.notices)

    def drops(self) -> dict[str, int]:
        """Return the losses of all sinks together, by cause."""
        return add_drops(*(sink.drops() for sink in (self._first, *self._others)))

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Publish to all sinks; return the message as the first one sent it. Blocks for the sum of their times."""
        stamped = self._first.publish(message)
        for sink in self._others:
            sink.publish(stamped)
        return stamped

    def close(self) -> None:
        """Close all sinks in their order; safe at any time, and to repeat."""
        with ExitStack() as stack:
            for sink in reversed((self._first, *self._others)):
                stack.callback(sink.close)


def add_drops(*counts: dict[str, int]) -> dict[str, int]:
    """Sum drops by cause."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def ended_by(name: str, error: Exception) -> str:
    """Describe in one line the error that ended a part of a run."""
    words = " ".join(str(error).split()) or "no reason given"
    return f"{name} ended by {type(error).__name__}: {words[:_LONGEST_TEXT]}"
