"""Pass messages to readers in this process and, if there is one, to a publisher."""

import msgspec

from hitrs_live.messages import AnyMessage, Status
from hitrs_live.transport.callback_sink import CallbackSink
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Stamper


class LocalSink:
    """Stamp every message once and pass it to all readers: a queue that is iterated over, a function, a publisher.

    Every status reports the losses of the first two, as drops "queue" and "sink", and how often the function failed.
    """

    def __init__(
        self, session_id: str, queue: MessageQueue, *, callback: CallbackSink | None, publisher: Publisher | None
    ) -> None:
        """Set the readers. `close` closes all of them but the queue."""
        self._stamper = Stamper(session_id)
        self._queue, self._callback, self._publisher = queue, callback, publisher

    @property
    def drops(self) -> int:
        """Number of messages that the publisher could not send."""
        return 0 if self._publisher is None else self._publisher.drops

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message and pass it to all readers; return it stamped."""
        if isinstance(message, Status):
            message = self._with_readers(message)
        stamped = self._stamper.stamp(message) if self._publisher is None else self._publisher.publish(message)
        if self._callback is not None:
            self._callback.put(stamped)
        self._queue.put(stamped)
        return stamped

    def attend(self) -> None:
        """Let the publisher, if there is one, serve new subscribers."""
        if self._publisher is not None:
            self._publisher.attend()

    def close(self) -> None:
        """Close the publisher, then wait until the function has taken all messages."""
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
