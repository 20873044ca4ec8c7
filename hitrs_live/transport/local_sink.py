"""Messages to readers in this very process, and to a publisher where one is wanted too."""

import msgspec

from hitrs_live.messages import AnyMessage, Status
from hitrs_live.transport.callback_sink import CallbackSink
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Stamper


class LocalSink:
    """Stamp every message once and give it to all: a queue that is iterated over, a user's function, a publisher.

    Every status says what the first two lost, as drops "queue" and "sink", and how often the function failed.
    """

    def __init__(
        self, session_id: str, queue: MessageQueue, *, callback: CallbackSink | None, publisher: Publisher | None
    ) -> None:
        """Take who reads; all but the queue are closed with this."""
        self._stamper = Stamper(session_id)
        self._queue, self._callback, self._publisher = queue, callback, publisher

    @property
    def drops(self) -> int:
        """Count what the publisher could not send."""
        return 0 if self._publisher is None else self._publisher.drops

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and hand it to everybody; return it as it went."""
        if isinstance(message, Status):
            message = self._with_readers(message)
        stamped = self._stamper.stamp(message) if self._publisher is None else self._publisher.publish(message)
        if self._callback is not None:
            self._callback.put(stamped)
        self._queue.put(stamped)
        return stamped

    def attend(self) -> None:
        """Let the publisher, where there is one, look after those who subscribed meanwhile."""
        if self._publisher is not None:
            self._publisher.attend()

    def close(self) -> None:
        """Close the publisher, then wait for the function to have had everything."""
        if self._publisher is not None:
            self._publisher.close()
        if self._callback is not None:
            self._callback.close()

    def _with_readers(self, status: Status) -> Status:
        lost = {"queue": self._queue.drops, "sink": 0 if self._callback is None else self._callback.drops}
        notice = "" if self._callback is None else self._callback.notice
        return msgspec.structs.replace(
            status,
            drops={**status.drops, **{cause: count for cause, count in lost.items() if count}},
            notices=(*status.notices, *((notice,) if notice else ())),
        )
