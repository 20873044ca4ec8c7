"""Run the pipeline in a process of its own, read what it prints, and look at what it takes from the system."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from hitrs_live.config import Config, override, render_config

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Use:
    """What the pipeline takes from the system at one time."""

    memory_mb: float
    """Resident memory of its main process."""
    children_mb: float
    """Resident memory of the processes that it started, together; what they share with it counts again."""
    children: int
    threads: int
    """Of the main process, as the next one."""
    descriptors: int


class PipelineProcess:
    """`hitrs-live live` on the sources given; its output is read until `stop_reading`."""

    def __init__(self, flags: Sequence[str], bind: str, folder: Path, settings: dict[str, object]) -> None:
        """Start it. folder: where it records. settings: as for `hitrs_live.config.override`."""
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        config = folder / "soak.toml"
        config.write_text(render_config(override(Config(), settings)), encoding="utf-8")
        command = [
            sys.executable, str(ROOT / "run_live.py"), *flags, "--config", str(config), "--plain", "--bind", bind,
            "--record", str(self.recordings / "soak.mcap"),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.last_lines: deque[str] = deque(maxlen=20)
        self._reads = threading.Event()
        self._reads.set()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def id(self) -> int:
        """The number of its main process."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Return whether it ended, which it never should."""
        return self._process.poll() is not None

    def use(self) -> Use:
        """Measure what it takes. Raises psutil.Error if it has ended."""
        main = psutil.Process(self.id)
        children_mb = []
        for child in main.children(recursive=True):
            with suppress(psutil.Error):
                children_mb.append(child.memory_info().rss / 2**20)
        return Use(
            memory_mb=main.memory_info().rss / 2**20, children_mb=sum(children_mb), children=len(children_mb),
            threads=main.num_threads(), descriptors=main.num_fds(),
        )  # fmt: skip

    def pose_processes(self) -> list[int]:
        """Return the numbers of its pose processes: those that it started and that take memory."""
        found = []
        for child in psutil.Process(self.id).children():
            with suppress(psutil.Error):
                if child.memory_info().rss > 50 * 2**20:
                    found.append(child.pid)
        return found

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to its main process."""
        os.kill(self.id, number)

    def limit(self, what: int, most: int) -> None:
        """Limit what its main process may have. what: a resource of the module `resource`."""
        resource.prlimit(self.id, what, (most, resource.prlimit(self.id, what)[1]))

    def unlimit(self, what: int) -> None:
        """Take the limit away."""
        self.limit(what, resource.prlimit(self.id, what)[1])

    def stop_reading(self) -> None:
        """Leave its output unread."""
        self._reads.clear()

    def read_on(self) -> None:
        """Read its output again."""
        self._reads.set()

    def stop(self, limit_s: float) -> tuple[int, float]:
        """End it by SIGTERM, by SIGKILL after limit_s; return its exit code and the seconds that it took."""
        began_s = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self._process.returncode, time.monotonic() - began_s

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.last_lines.append(line.rstrip())
            self._reads.wait()
