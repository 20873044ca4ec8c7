"""Run the terminal dashboard in a process of its own, as a subscriber, so that drawing never delays a frame.

python -m hitrs_live.pipeline.dashboard_process tcp://127.0.0.1:5556 --parent-pid 4711
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

import psutil
from rich.console import Console
from rich.live import Live

from hitrs_live.config import PublishConfig
from hitrs_live.errors import HitrsLiveError
from hitrs_live.process.line_writer import fill_standard_streams, redirect_to_devnull, write_line
from hitrs_live.process.signals import stop_signals
from hitrs_live.process.terminal import RESTORE, discard_output, why_not_drawable
from hitrs_live.transport.subscriber import subscribe
from hitrs_live.views.dashboard import Dashboard
from hitrs_live.views.formatting import drops_in_words, duration

TOPICS = ("source", "status", "action", "scores", "motion")
REFRESH_S = 1 / 8
_READ_S = 0.05


def start_dashboard(url: str, stderr: TextIO | None = None, *, own_secret_key: str = "") -> subprocess.Popen[bytes]:
    """Start the dashboard for this process's terminal; it ends with the session at url, or with this process.

    stderr: its standard error; by default that of this process. own_secret_key: file of the key that this process
    publishes with, which the dashboard then uses on both sides; empty for no keys.

    It ignores Ctrl-C, which the process that started it handles. `terminate()` and then `wait()` end it early and
    restore the terminal.
    """
    command = [sys.executable, "-m", "hitrs_live.pipeline.dashboard_process", url, "--parent-pid", str(os.getpid())]
    if own_secret_key:
        command += [f"--secret-key={own_secret_key}", f"--server-key={own_secret_key}"]
    if threading.current_thread() is not threading.main_thread():
        return subprocess.Popen(command, stderr=stderr)
    # Inherited by the child: a Ctrl-C while it still imports must not end it with a traceback.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(command, stderr=stderr)
    finally:
        signal.signal(signal.SIGINT, before)


def end_dashboard(process: "subprocess.Popen[bytes]", timeout_s: float) -> None:
    """Wait until a dashboard has ended with its session; terminate it after timeout_s, then kill it."""
    try:
        process.wait(timeout_s)
        return
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        # It is blocked by a terminal that reads no output.
        process.kill()
        process.wait()


def restore_terminal(process: "subprocess.Popen[bytes]", terminal: TextIO) -> str:
    """Return what restores the terminal of a dashboard that has ended; empty if the dashboard did it itself.

    Of one that was killed, what the terminal has not shown yet is discarded.
    """
    if process.returncode is None or process.returncode >= 0:
        return ""
    discard_output(terminal)
    return RESTORE


def run_dashboard(
    url: str,
    *,
    parent_pid: int | None = None,
    console: Console | None = None,
    secret_key: str | None = None,
    server_key: str | None = None,
) -> None:
    """Draw what is published at url until the session ends, the parent process ends or a signal arrives.

    A publisher that restarts is shown again. Call it from the main thread: it handles SIGINT, SIGTERM and SIGHUP.
    secret_key, server_key: as for `subscribe`. Raises AddressUnavailable where the address is malformed, KeyUnusable.
    """
    console = console or Console()
    parent = _Parent(parent_pid)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    # Ctrl-\ ends every process of the terminal; this one must leave the alternate screen first.
    for number in (*stop_signals(), *([signal.SIGQUIT] if hasattr(signal, "SIGQUIT") else [])):
        signal.signal(number, on_signal)
    if parent_pid is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    dashboard = Dashboard()
    with (
        subscribe(url, TOPICS, secret_key=secret_key, server_key=server_key) as subscription,
        Live(dashboard.render(), console=console, screen=True, auto_refresh=False) as live,
    ):
        due = 0.0
        while not (stop.is_set() or dashboard.ended or parent.has_ended()):
            for message in subscription.read(_READ_S):
                dashboard.update(message)
            if time.monotonic() >= due:
                live.refresh()
                due = time.monotonic() + REFRESH_S
    console.print(closing_lines(dashboard), highlight=False, markup=False)


def closing_lines(dashboard: Dashboard) -> str:
    """Summarise a session, a line for each source, for the terminal's normal screen after the dashboard."""
    lines = [
        f"hitrs-live: {session.source_id} {session.state} after {duration(status.uptime_s)}, {status.frames:,} frames, "
        f"drops {drops_in_words(status.drops)}, {session.actions_received} actions"
        for session in dashboard.sessions.all()
        if (status := session.status) is not None
    ]
    return "\n".join(lines) or "hitrs-live: no status was received"


class _Parent:
    """Check, at most twice a second, whether the process that started the dashboard runs."""

    def __init__(self, pid: int | None) -> None:
        self._due = 0.0
        self._has_ended = False
        self._process: psutil.Process | None = None
        if pid is not None:
            try:
                self._process = psutil.Process(pid)
            except psutil.NoSuchProcess:
                self._has_ended = True

    def has_ended(self) -> bool:
        if self._process is not None and not self._has_ended and time.monotonic() >= self._due:
            self._due = time.monotonic() + 0.5
            try:
                self._has_ended = not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
            except psutil.NoSuchProcess:
                self._has_ended = True
        return self._has_ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m hitrs_live.pipeline.dashboard_process", description="Draw a pipeline."
    )
    parser.add_argument(
        "url", nargs="?", default=PublishConfig().bind, help="address to subscribe to (default: %(default)s)"
    )
    parser.add_argument("--parent-pid", type=int, help="end when this process ends")
    parser.add_argument("--secret-key", metavar="FILE", help="own secret key, for a publisher that uses keys")
    parser.add_argument("--server-key", metavar="FILE", help="that publisher's public key")
    options = parser.parse_args(arguments)
    fill_standard_streams()
    reason = why_not_drawable(sys.stdout)
    if reason is not None:
        write_line(
            f"dashboard: nothing can be drawn on standard output: {reason}; use `hitrs-live watch` instead", sys.stderr
        )
        return 2
    try:
        run_dashboard(
            options.url, parent_pid=options.parent_pid, console=Console(), secret_key=options.secret_key,
            server_key=options.server_key,
        )  # fmt: skip
    except HitrsLiveError as error:
        write_line(f"dashboard: {error}", sys.stderr)
        return 2
    except OSError:
        # The terminal has been closed.
        redirect_to_devnull(sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
