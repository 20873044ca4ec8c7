"""How long a message has waited on its way, by the times that its sender wrote into it."""

from collections import deque
from typing import Final

_WINDOW_NS: Final = 250_000_000
_FEWEST: Final = 2


class StreamDelay:
    """Measure by how much a message's way took longer than that of the messages before it.

    The sender's clock may be any, so only differences count. The usual way is that of messages which the receiver had
    to wait for, since they waited nowhere here: the shortest of the last ones. A message that took longer has waited in
    a buffer, or in the network. Where two in a row that the receiver had to wait for are late, the sender's clock was
    set, or the way has changed, and the second one is the new usual; unless they came much closer together than they
    were sent, as what waited together does.
    """

    def __init__(self, late_ns: int) -> None:
        """Take the delay from which on a message counts as late."""
        self._late_ns = late_ns
        self._ways: deque[tuple[int, int]] = deque()
        """Time of arrival, and its difference to the time of sending."""
        self._was_late = False
        self._last = (0, 0)
        """Times of sending and of arrival of the message before."""

    def forget(self) -> None:
        """Begin again: another session has another clock."""
        self._ways.clear()
        self._was_late = False

    def observe(self, sent_ns: int, received_ns: int, *, awaited: bool) -> int:
        """Return how long a message has waited on its way, nanoseconds from 0.

        awaited: whether the receiver had nothing else left to receive.
        """
        way_ns = received_ns - sent_ns
        usual_ns = min((way for _, way in self._ways), default=way_ns)
        delay_ns = max(0, way_ns - usual_ns)
        (last_sent_ns, last_received_ns), self._last = self._last, (sent_ns, received_ns)
        in_its_own_time = 2 * (received_ns - last_received_ns) >= sent_ns - last_sent_ns
        if awaited and delay_ns > self._late_ns and self._was_late and in_its_own_time:
            self.forget()
            delay_ns = 0
        elif awaited:
            self._was_late = delay_ns > self._late_ns
        # A late one says nothing of the usual way, until it is the new usual.
        if (awaited and delay_ns <= self._late_ns) or way_ns < usual_ns or not self._ways:
            self._ways.append((received_ns, way_ns))
            while len(self._ways) > _FEWEST and received_ns - self._ways[0][0] > _WINDOW_NS:
                self._ways.popleft()
        return delay_ns
