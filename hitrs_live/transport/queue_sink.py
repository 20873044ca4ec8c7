"""Put messages into a queue for a reader in this process."""

from collections.abc import Sequence

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.sink import Stamper


class QueueSink:
    """Put every message into a queue, stamping it if no other sink has."""

    name = "the queue"
    notices: Sequence[str] = ()

    def __init__(self, session_id: str, queue: MessageQueue) -> None:
        """Use a queue, which its owner finishes."""
        self._stamper, self._queue = Stamper(session_id), queue

    def drops(self) -> dict[str, int]:
        """Return the number of messages that the queue lost, as "queue"."""
        return {"queue": self._queue.drops}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Put a message into the queue; return it stamped. Blocks if the queue waits (see `MessageQueue`)."""
        stamped = message if message.session_id else self._stamper.stamp(message)
        self._queue.put(stamped)
        return stamped

    def close(self) -> None:
        """Do nothing: messages in the queue can still be read."""
