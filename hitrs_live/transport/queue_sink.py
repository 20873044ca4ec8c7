"""A queue that is iterated over, as a sink."""

from collections.abc import Sequence

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.sink import Stamper


class QueueSink:
    """Put every message into a queue; one that no other sink has stamped yet is stamped here."""

    name = "the queue"
    notices: Sequence[str] = ()

    def __init__(self, session_id: str, queue: MessageQueue) -> None:
        """Take the queue, which its owner finishes."""
        self._stamper, self._queue = Stamper(session_id), queue

    def drops(self) -> dict[str, int]:
        """Count what the queue lost, as "queue"."""
        return {"queue": self._queue.drops}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Put a message; return it stamped. Blocks where the queue waits for its reader, see `MessageQueue`."""
        stamped = message if message.session_id else self._stamper.stamp(message)
        self._queue.put(stamped)
        return stamped

    def close(self) -> None:
        """Do nothing: what was put can still be read."""
