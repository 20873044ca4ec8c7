"""A publisher and a subscriber in processes of their own, which a test stops and kills."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from patience import PATIENCE_S, wait_until

TESTS = Path(__file__).parents[1]
_PATHS = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
SUBSCRIBER = """
import sys
from hitrs_live.transport.reliable import ReliableSubscription
url, high_water_mark, after = sys.argv[1:]
with ReliableSubscription(
    url, "action", high_water_mark=int(high_water_mark), after=after or None, on_gap=lambda gap: print(gap, flush=True)
) as subscription:
    for event in subscription:
        print(event.session_id, event.log_seq, subscription.position, flush=True)
"""
PUBLISHER = """
import sys, time
from pathlib import Path
from hitrs_live.config import PublishConfig
from hitrs_live.messages import ActionEvent, Status
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.recoverable import open_publisher
from hitrs_live.transport.recorder import Recorder
bind, session, folder = sys.argv[1:]
config = PublishConfig(bind=bind, high_water_mark=20)
publisher = open_publisher(config, session, recordings=Path(folder) if folder else None)
others = [Recorder(Path(folder) / f"{session}.mcap", session_id=session, source_id="cam")] if folder else []
sink = MultiSink(publisher, others)
event = ActionEvent(
    source_id="cam", capture_time_ns=5, state="update", label="x" * 20_000, score=0.5, track_id=1, onset_time_ns=0,
    detection_delay_s=0.5, window_start_ns=0, window_end_ns=5,
)
status = Status(source_id="cam", capture_time_ns=5, state="up", version="0", uptime_s=1.0, fps=30.0, frames=1)
for line in sys.stdin:
    for _ in range(int(line)):
        sink.publish(event)
    sink.publish(status)
    if folder:
        others[0]._flush(time.monotonic_ns())
    print(line, end="", flush=True)
sink.close()
"""


class Subscriber:
    """A reliable subscriber with small queues, in a process that can be stopped; it prints what it receives."""

    def __init__(self, url: str, printed: Path, after: str, high_water_mark: int) -> None:
        self._printed = printed
        with printed.open("w") as out:
            self._process = Popen(
                [sys.executable, "-c", SUBSCRIBER, url, str(high_water_mark), after], stdout=out, env=_PATHS
            )

    def lines(self) -> list[str]:
        """Return the complete lines printed so far."""
        return self._printed.read_text().rpartition("\n")[0].splitlines()

    def events(self) -> list[tuple[str, int]]:
        """Return session and number of each event received, in order of arrival."""
        words = [line.split() for line in self.lines()]
        return [(word[0], int(word[1])) for word in words if len(word) == 3]

    def gaps(self) -> list[str]:
        """Return the losses reported."""
        return [line for line in self.lines() if "event" in line]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process, and let nothing of it remain."""
        self._process.kill()
        self._process.wait(PATIENCE_S)


class PublisherProcess:
    """A publisher in a process that publishes as many events as it is asked to, of 20 kB each, then a status."""

    def __init__(self, bind: str, session: str, folder: str) -> None:
        self._process = Popen(
            [sys.executable, "-c", PUBLISHER, bind, session, folder], stdin=PIPE, stdout=PIPE, text=True, env=_PATHS
        )

    def publish(self, events: int) -> None:
        """Publish so many events and a status; return when they are published."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{events}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == f"{events}\n"

    def kill(self) -> None:
        """Kill the process as the system does when memory runs out."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)


@contextmanager
def a_subscriber(url: str, printed: Path, *, after: str = "", high_water_mark: int = 20) -> Iterator[Subscriber]:
    """Start a subscriber; it is killed at the end of the block."""
    subscriber = Subscriber(url, printed, after, high_water_mark)
    try:
        yield subscriber
    finally:
        subscriber.kill()


@contextmanager
def a_publisher(bind: str, session: str, folder: str = "") -> Iterator[PublisherProcess]:
    """Start a publisher; it is killed at the end of the block. folder: where it records; empty for no recording."""
    publisher = PublisherProcess(bind, session, folder)
    try:
        yield publisher
    finally:
        publisher.kill()


def wait_for_events(subscriber: Subscriber, count: int, publisher: PublisherProcess | None = None) -> None:
    """Wait until so many events have arrived; meanwhile a publisher goes on with its statuses."""

    def arrived() -> bool:
        if publisher is not None:
            publisher.publish(0)
        return len(subscriber.events()) >= count

    wait_until(arrived, f"{count} events", pause_s=0.1)
