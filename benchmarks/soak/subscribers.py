"""Subscribe to the pipeline: a reliable, a slow and a dead subscriber in processes of their own, and an observer."""

import signal
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from time import monotonic_ns

from hitrs_live.messages import ActionEvent, AnyMessage, MotionPrediction, ScoreEvent, SourceEvent, Status
from hitrs_live.transport.subscriber import Subscription

RELIABLE = """
import sys
from hitrs_live import subscribe
url, after = sys.argv[1:]
lost = lambda gap: print("gap", gap, flush=True)
with subscribe(url, topics=["action", "source"], reliable=True, after=after or None, on_gap=lost) as events:
    for event in events:
        print(event.session_id, event.log_seq, events.position, flush=True)
"""
SLOW = """
import sys, time
from hitrs_live.transport.subscriber import Subscription
with Subscription(sys.argv[1], high_water_mark=10) as messages:
    for message in messages:
        time.sleep(0.2)
"""


class ReliableSubscriber:
    """A reliable subscriber that writes down what it gets, and goes on after its last event when started again."""

    def __init__(self, url: str, file: Path) -> None:
        """Start it. file: where it writes the numbers of its events."""
        self._url, self._file = url, file
        self.start()

    def start(self) -> None:
        """Start the process, at first or after `kill`."""
        received = self._lines()
        position = received[-1].split()[2] if received and not received[-1].startswith("gap") else ""
        with self._file.open("a") as out:
            self._process = subprocess.Popen([sys.executable, "-c", RELIABLE, self._url, position], stdout=out)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to its process, such as SIGSTOP."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End its process at once, and drop a line that it had not completed: that event counts as not received."""
        self._process.kill()
        self._process.wait()
        if self._file.exists():
            text = self._file.read_text()
            self._file.write_text(text[: text.rfind("\n") + 1])

    def numbers(self) -> list[int]:
        """Return the numbers of the events received, in order of arrival."""
        return [int(line.split()[1]) for line in self._lines() if not line.startswith("gap")]

    def gaps(self) -> list[str]:
        """Return the losses that it was given notice of."""
        return [line for line in self._lines() if line.startswith("gap")]

    def _lines(self) -> list[str]:
        return self._file.read_text().rpartition("\n")[0].splitlines() if self._file.exists() else []


def start_others(url: str) -> list["subprocess.Popen[bytes]"]:
    """Start a slow subscriber, one that is to be stopped, and a stranger that is a nuisance. End them with `end`."""
    slow, dead = (subprocess.Popen([sys.executable, "-c", SLOW, url]) for _ in range(2))
    return [slow, dead, stranger("nuisance", url)]


def stranger(kind: str, url: str) -> "subprocess.Popen[bytes]":
    """Start a stranger of `strangers.KINDS`; return when it has begun."""
    script = str(Path(__file__).with_name("strangers.py"))
    process = subprocess.Popen([sys.executable, script, kind, url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process, one that is stopped too."""
    process.kill()
    process.communicate()


class Observer:
    """Follow the pipeline as any subscriber does, in a thread: the newest statuses, latencies, numbers of events."""

    def __init__(self, url: str, cameras: set[str]) -> None:
        """Subscribe. cameras: the sources whose capture times are those of this machine's clock."""
        self._cameras = cameras
        self._subscription = Subscription[AnyMessage](url)
        self._lock = threading.Lock()
        self._latency_ms: list[float] = []
        self.statuses: dict[str, Status] = {}
        self.statuses_seen: dict[str, int] = defaultdict(int)
        self.newest_number = -1
        """Of the event log."""
        self.states: set[str] = set()
        """The states of sources published since it was last cleared."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def take_latencies_ms(self) -> list[float]:
        """Return the times from capture to receipt of the cameras' predictions and actions since the last call."""
        with self._lock:
            taken, self._latency_ms = self._latency_ms, []
        return taken

    def recovery_address(self) -> str:
        """Return the address for missed events; empty before the first status."""
        return next((status.recovery for status in self.statuses.values()), "")

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()
        self._subscription.close()

    def _follow(self) -> None:
        while not self._over.is_set():
            for message in self._subscription.read(0.2):
                self._take(message, monotonic_ns())

    def _take(self, message: AnyMessage, now_ns: int) -> None:
        if isinstance(message, Status):
            self.statuses[message.source_id] = message
            self.statuses_seen[message.source_id] += 1
        elif isinstance(message, ActionEvent | SourceEvent):
            self.newest_number = max(self.newest_number, message.log_seq if message.log_seq is not None else -1)
        if isinstance(message, SourceEvent):
            self.states.add(message.state)
        if isinstance(message, ActionEvent | ScoreEvent | MotionPrediction) and message.source_id in self._cameras:
            with self._lock:
                self._latency_ms.append((now_ns - message.capture_time_ns) / 1e6)
