"""Run programs in a separate home, and record every attempt to contact another machine."""

import os
import pty
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).with_name("network_watch.c")
LIMIT_S = 900
"""Only catches a program that hangs."""


@dataclass
class Watched:
    """A separate user: an empty home, a clean environment, and the records of the watch."""

    folder: Path
    shim: Path
    telemetry_off: str | None = None
    """The user's value of ORT_DISABLE_TELEMETRY."""
    home: Path = field(init=False)
    scratch: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home, self.scratch = self.folder / "home", self.folder / "scratch"
        site = self.folder / "site"
        for path in (self.home, self.scratch, site, self.folder / "tmp"):
            path.mkdir(parents=True)
        # Found there, the package is an installed one: it is in no checkout whose engines/ it could use.
        (site / "hitrs_live").symlink_to(ROOT / "hitrs_live")

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a program."""
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(self.folder / "site"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "xterm-256color",
            "LD_PRELOAD": str(self.shim),
            "NETWORK_WATCH_LOG": str(self.folder / "log"),
        }
        return given if self.telemetry_off is None else {**given, "ORT_DISABLE_TELEMETRY": self.telemetry_off}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Python with these arguments in the scratch folder."""
        return subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, cwd=self.scratch, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run Python to its end and return what it wrote to standard error; its exit code has to be 0."""
        with self.start(*arguments) as program:
            try:
                out, err = program.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                program.kill()
                raise
        assert program.returncode == 0, out + err
        return err

    def run_on_terminal(self, *arguments: str) -> None:
        """Run Python to its end on a terminal, whose output is read and dropped."""
        terminal, program_end = pty.openpty()
        environment = {**self.environment, "COLUMNS": "80", "LINES": "24"}
        program = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=self.scratch,
            stdin=program_end,
            stdout=program_end,
            stderr=program_end,
        )
        os.close(program_end)
        written: list[bytes] = []
        threading.Thread(target=_drain, args=(terminal, written), daemon=True).start()
        try:
            assert program.wait(LIMIT_S) == 0, b"".join(written[-20:])
        finally:
            program.kill()
            program.wait()

    def records(self) -> list[str]:
        """Return what the watch recorded, without the process ids."""
        log = self.folder / "log"
        return [line.split(" ", 1)[1] for line in log.read_text().splitlines()] if log.exists() else []

    def programs(self) -> list[str]:
        """Return the command line of every program that was watched."""
        return [line.removeprefix("watched ") for line in self.records() if line.startswith("watched ")]

    def attempts(self) -> list[str]:
        """Return every attempt to reach, or to be reached by, another machine."""
        return [line for line in self.records() if not line.startswith("watched ")]

    def files(self) -> list[str]:
        """Return the files in the home and in the folder for temporary files, except this package's cache.

        Nor does the empty folder count that torch makes among the temporary files when it exports a graph.
        """
        own_cache = self.home / (".cache/hitrs_live" if sys.platform != "darwin" else "Library/Caches/hitrs_live")
        paths = [path for root in (self.home, self.folder / "tmp") for path in root.rglob("*")]
        paths = [path for path in paths if not (path.name.startswith("torchinductor_") and not any(path.iterdir()))]
        return sorted(
            str(path.relative_to(self.folder))
            for path in paths
            if path != own_cache and own_cache not in path.parents and path not in own_cache.parents
        )


def _drain(terminal: int, written: list[bytes]) -> None:
    try:
        while data := os.read(terminal, 65536):
            written.append(data)
    except OSError:
        pass  # On Linux, this means that the other end is closed.
    finally:
        os.close(terminal)
