"""Standard output and error without a reader, and dashboards that are killed: the run goes on, the terminal works."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

import psutil
import pytest
from patience import PATIENCE_S, ManualClock, wait_until

from hitrs_live.process.native_errors import MOST_LINES, PERIOD_S, LineLimit
from hitrs_live.process.terminal import RESTORE

SHOWN = """
import sys, time
from hitrs_live.config import Config, PublishConfig
from hitrs_live.pipeline import app
from hitrs_live.transport.publisher import Publisher
from hitrs_live.wire.utc import SessionClock

app._DASHBOARD_ENDS_S = float(sys.argv[1])
with (
    app._logging(Config(), SessionClock.begin(), drawn=True) as output,
    Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s") as publisher,
):
    view = app._DashboardView(publisher.address, output, "")
    with view.shown():
        if sys.argv[2] == "until killed":
            while not view.is_gone():
                time.sleep(0.02)
        else:
            sys.stdin.readline()
"""
"""A run that only shows a dashboard."""
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.program = subprocess.Popen(
            [sys.executable, "-c", SHOWN, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            env=os.environ | {"TERM": "xterm"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.written = b""

    def take(self) -> bool:
        """Take what was written; return whether there was anything."""
        if not select.select([self.ours], [], [], 0.05)[0]:
            return False
        try:
            self.written += os.read(self.ours, 65536)
        except OSError:  # Linux raises this once the other end is closed.
            return False
        return True

    def take_until(self, words: bytes) -> None:
        wait_until(lambda: self.take() and words in self.written, f"{words!r} on the terminal")

    def dashboard(self) -> psutil.Process:
        return psutil.Process(self.program.pid).children()[0]


@pytest.mark.slow
def test_the_terminal_of_a_dashboard_that_is_killed_is_restored_and_gets_the_log() -> None:
    terminal = Terminal(str(PATIENCE_S), "until killed")
    terminal.take_until(ENTER)
    assert LEAVE not in terminal.written
    terminal.dashboard().send_signal(signal.SIGKILL)
    terminal.take_until(b"log lines from here on")
    assert terminal.program.wait(PATIENCE_S) == 0
    restored = terminal.written.split(RESTORE.encode())
    assert len(restored) == 2
    assert b"the dashboard ended with code" in restored[1]
    os.close(terminal.ours)


@pytest.mark.slow
def test_the_terminal_of_a_dashboard_that_it_blocked_is_restored_once_it_is_read_again() -> None:
    terminal = Terminal("0.3", "until a line comes")
    terminal.take_until(ENTER)
    dashboard = terminal.dashboard()
    # Stopped while it draws, as by a terminal that accepts nothing.
    dashboard.suspend()
    os.write(terminal.ours, b"\n")
    assert terminal.program.wait(PATIENCE_S) == 0
    while terminal.take():
        pass
    assert terminal.written.endswith(RESTORE.encode())
    os.close(terminal.ours)


def test_native_libraries_do_not_wait_for_a_reader_of_standard_error() -> None:
    program = """
import os, sys
from hitrs_live.process.log import logging_to
with logging_to(sys.stdout, close_wait_s=0.1):
    for _ in range(3000):
        os.write(2, b"Corrupt JPEG data: premature end of data segment, over and over again\\n")
"""
    reading, writing = os.pipe()
    done = subprocess.run([sys.executable, "-c", program], stderr=writing, timeout=PATIENCE_S, check=False)
    os.close(writing)
    with open(reading, "rb") as pipe:
        lines = pipe.read().splitlines()
    assert done.returncode == 0
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == f"hitrs-live: {3000 - MOST_LINES} more lines of native libraries were left out".encode()


def test_lines_of_native_libraries_are_passed_on_again_in_the_next_period() -> None:
    clock, written = ManualClock(), list[str]()
    limit = LineLimit(written.append, lambda: clock() / 1e9)
    for number in range(MOST_LINES + 3):
        limit.write(f"{number}")
    assert written == [f"{number}" for number in range(MOST_LINES)]
    clock.advance(PERIOD_S)
    limit.write("again")
    assert written[MOST_LINES:] == ["hitrs-live: 3 more lines of native libraries were left out", "again"]
