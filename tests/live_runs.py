"""Run the real program in processes of its own, as a user does, and read what a subscriber gets."""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patience import PATIENCE_S, wait_until

from hitrs_live.messages import AnyMessage, SourceEvent, Status
from hitrs_live.transport.subscriber import Subscription, subscribe

ROOT = Path(__file__).parent.parent
WAIT_FOR_SUBSCRIBER = ("--wait-subscriber", str(PATIENCE_S))
PATIENT = """
[camera]
max_frame_age_s = 3600
lost_after_s = 7200
[pose]
hang_after_s = 600
[publish]
high_water_mark = 1000000
linger_ms = 120000
[process]
adapt_to_load = false
slow_step_s = 3600
hung_step_s = 0
stop_within_s = 3600
"""
"""Settings with which a slow machine loses nothing: for tests that are not about timeouts."""


@dataclass(frozen=True)
class Run:
    """How a run ended and what it published."""

    code: int
    out: str
    err: str
    messages: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one type."""
        return [message for message in self.messages if message["type"] == kind]


def free_address() -> str:
    """Return an address with a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def patient_settings() -> Path:
    """Write the settings of PATIENT where the command line can name them; return the file."""
    path = Path(tempfile.gettempdir()) / f"hitrs-live-patient-{os.getpid()}.toml"
    if not path.exists():
        path.write_text(PATIENT)
        atexit.register(path.unlink, missing_ok=True)
    return path


def live_command(*flags: str) -> list[str]:
    """Build the command line of a run; a --config among the flags replaces the patient settings."""
    return [sys.executable, str(ROOT / "run_live.py"), "--config", str(patient_settings()), *flags]


@contextmanager
def watching(address: str, *topics: str) -> Iterator[list[dict[str, Any]]]:
    """Subscribe in another process; the list is filled when the block ends, up to the run's last status.

    The subscriber prints to a file: a pipe that is not read would block it.
    """
    messages: list[dict[str, Any]] = []
    with tempfile.TemporaryFile("w+") as received:
        flags = ("--topics", *topics) if topics else ("--all",)
        watcher = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", "watch", address, "--json", *flags], stdout=received
        )
        try:
            yield messages
            lines: list[str] = []

            def ended() -> bool:
                received.seek(0)
                lines[:] = received.read().splitlines()
                return bool(lines) and '"state":"ended"' in lines[-1] and lines[-1].startswith('{"topic":"status')

            wait_until(ended, "the last status of the run at its subscriber", pause_s=0.1)
            messages += [json.loads(line) for line in lines]
        finally:
            watcher.terminate()
            watcher.wait(PATIENCE_S)


def run_and_watch(*flags: str, pose: bool = False) -> Run:
    """Run the pipeline to its end with a subscriber in another process, which receives all from the first frame on."""
    address = free_address()
    all_flags = (*flags, "--publish-pose") if pose else flags
    with watching(address) as messages:
        run = run_only(*all_flags, "--bind", address, "--plain", *WAIT_FOR_SUBSCRIBER)
    return replace(run, messages=messages)


def run_only(*flags: str) -> Run:
    """Run the pipeline to its end without a subscriber."""
    live = subprocess.run(live_command(*flags), capture_output=True, text=True, timeout=PATIENCE_S)
    return Run(code=live.returncode, out=live.stdout, err=live.stderr, messages=[])


def start(*flags: str) -> "subprocess.Popen[str]":
    """Start a run that the test acts on while it runs."""
    command = live_command(*flags, "--plain")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Receiver:
    """Receive the messages of a run while it runs, so that a test can act on them."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.received: list[AnyMessage] = []

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Receive until a condition is true."""

        def met() -> bool:
            self.received += self._subscription.read(0.05)
            return condition()

        wait_until(met, what)

    def until_ended(self) -> Status:
        """Receive until the last status; return it."""
        self.until(lambda: self.last_status().state == "ended", "the last status")
        return self.last_status()

    def until_frames(self, count: int) -> None:
        """Receive until the status counts so many more frames than the last one."""
        total = self.last_status().frames + count
        self.until(lambda: self.last_status().frames >= total, f"{count} frames")

    def states(self) -> list[str]:
        """Return the states that the source went through."""
        return [message.state for message in self.received if isinstance(message, SourceEvent)]

    def last_status(self) -> Status:
        """Return the newest status; an empty one before the first."""
        statuses = [message for message in self.received if isinstance(message, Status)]
        return (
            statuses[-1]
            if statuses
            else Status(
                source_id="", capture_time_ns=0, state="connecting", version="", uptime_s=0.0, fps=0.0, frames=0
            )
        )


@contextmanager
def receiving(address: str) -> Iterator[Receiver]:
    """Subscribe to a run that is about to start with `--wait-subscriber`."""
    with subscribe(address) as subscription:
        yield Receiver(subscription)
