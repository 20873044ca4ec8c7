"""Run the real program in processes of its own, as a user does, and read what a subscriber gets."""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patience import PATIENCE_S, wait_until

ROOT = Path(__file__).parent.parent
WAIT_FOR_LISTENER = ("--wait-subscriber", str(PATIENCE_S))
PATIENT = """
[camera]
max_frame_age_s = 3600
lost_after_s = 7200
[pose]
hang_after_s = 600
[publish]
high_water_mark = 1000000
linger_ms = 120000
"""
"""Settings with which a slow machine loses nothing: for tests that are not about what gives up waiting."""


@dataclass(frozen=True)
class Run:
    """How a run ended and what was heard of it."""

    code: int
    out: str
    err: str
    messages: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one type."""
        return [message for message in self.messages if message["type"] == kind]


def free_address() -> str:
    """Find a port that nobody listens on."""
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
    """Make the command line of the main job; a --config among the flags comes in place of the patient settings."""
    return [sys.executable, str(ROOT / "run_live.py"), "--config", str(patient_settings()), *flags]


@contextmanager
def watching(address: str, *topics: str) -> Iterator[list[dict[str, Any]]]:
    """Listen in another process; the list is filled when the block ends, up to the run's last status.

    What it prints goes to a file: a pipe that nobody empties would hold the subscriber up.
    """
    messages: list[dict[str, Any]] = []
    with tempfile.TemporaryFile("w+") as heard:
        flags = ("--topics", *topics) if topics else ("--all",)
        watcher = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", "watch", address, "--json", *flags], stdout=heard
        )
        try:
            yield messages
            lines: list[str] = []

            def ended() -> bool:
                heard.seek(0)
                lines[:] = heard.read().splitlines()
                return bool(lines) and '"state":"ended"' in lines[-1] and lines[-1].startswith('{"topic":"status')

            wait_until(ended, "the last status of the run at its subscriber", pause_s=0.1)
            messages += [json.loads(line) for line in lines]
        finally:
            watcher.terminate()
            watcher.wait(PATIENCE_S)


def run_and_watch(*flags: str, pose: bool = False) -> Run:
    """Run the pipeline to its end with a subscriber in another process, which hears all from the first frame on."""
    address = free_address()
    wanted = (*flags, "--publish-pose") if pose else flags
    with watching(address) as messages:
        run = run_only(*wanted, "--bind", address, "--plain", *WAIT_FOR_LISTENER)
    return replace(run, messages=messages)


def run_only(*flags: str) -> Run:
    """Run the pipeline to its end with nobody listening."""
    live = subprocess.run(live_command(*flags), capture_output=True, text=True, timeout=PATIENCE_S)
    return Run(code=live.returncode, out=live.stdout, err=live.stderr, messages=[])
