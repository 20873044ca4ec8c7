"""The dashboard's own process, on a terminal of its own, fed by a real publisher."""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from key_folders import Keys
from patience import PATIENCE_S, wait_until

from hitrs_live.config import PublishConfig
from hitrs_live.messages import SourceEvent, SourceState, Status
from hitrs_live.pipeline.dashboard_process import TOPICS
from hitrs_live.transport.publisher import Publisher

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
"""Escape sequences that switch a terminal to its alternate screen, and back."""


class Terminal:
    """A process on a pseudo-terminal of 80 x 24, and what it has written there."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
        command = [sys.executable, "-m", "hitrs_live.pipeline.dashboard_process", *arguments]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self.written = b""

    def wait_for(self, words: bytes) -> None:
        def came() -> bool:
            self.take(0.1)
            return words in self.written

        wait_until(came, f"{words!r} on the terminal")

    def wait(self) -> int:
        def ended() -> bool:
            self.take(0.05)
            return self.process.poll() is not None

        wait_until(ended, "the end of the process")
        while self.take(0.0):
            pass
        return self.process.returncode

    def take(self, timeout_s: float) -> bool:
        """Take in what was written, waiting so long for it; return whether anything was."""
        if not select.select([self._ours], [], [], timeout_s)[0]:
            return False
        try:
            self.written += os.read(self._ours, 65536)
        except OSError:  # Linux raises this once the other end is closed.
            return False
        return True

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)


def listened_to(publisher: Publisher) -> bool:
    """Whether the dashboard has subscribed to all of its topics, and requested the current state."""
    return publisher.has_subscriber() and publisher._subscriptions == len(TOPICS) + 1


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "first") as found:
        yield found


@pytest.fixture
def terminal(publisher: Publisher) -> Iterator[Terminal]:
    found = Terminal(publisher.address, "--parent-pid", str(os.getpid()))
    wait_until(lambda: listened_to(publisher), "the dashboard's subscriptions")
    yield found
    found.close()


def status(state: SourceState = "up", fps: float = 29.8) -> Status:
    return Status(
        source_id="stage-left", capture_time_ns=10**9, state=state, version="0.1.0", uptime_s=7.0, fps=fps, frames=210
    )


@pytest.mark.slow
def test_it_draws_what_is_published_and_ends_with_the_session(publisher: Publisher, terminal: Terminal) -> None:
    publisher.publish(status())
    terminal.wait_for(b"stage-left")
    terminal.wait_for(b"29.8 fps")
    publisher.publish(status("ended"))
    assert terminal.wait() == 0
    assert terminal.written.count(ENTER) == terminal.written.count(LEAVE) == 1
    afterwards = terminal.written.split(LEAVE)[1]
    assert b"stage-left ended after 7 s, 210 frames, drops none, 0 actions" in afterwards


@pytest.mark.slow
def test_it_draws_what_is_published_with_keys(keys: Keys) -> None:
    with keys.publishing() as publisher:
        # As `live` starts it: with the publisher's own key, which no folder has to allow.
        own = keys.secret("publisher")
        terminal = Terminal(publisher.address, f"--secret-key={own}", f"--server-key={own}")
        wait_until(lambda: listened_to(publisher), "the dashboard's subscriptions")
        publisher.publish(status())
        terminal.wait_for(b"stage-left")
        publisher.publish(status("ended"))
        assert terminal.wait() == 0
        terminal.close()


@pytest.mark.slow
def test_an_interrupt_is_left_to_the_pipeline_and_a_termination_restores_the_terminal(
    publisher: Publisher, terminal: Terminal
) -> None:
    publisher.publish(status())
    terminal.wait_for(b"stage-left")
    terminal.process.send_signal(signal.SIGINT)
    publisher.publish(status(fps=11.1))
    terminal.wait_for(b"11.1 fps")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.wait() == 0
    assert LEAVE in terminal.written
    assert b"Traceback" not in terminal.written


@pytest.mark.slow
def test_a_publisher_that_restarts_is_followed(publisher: Publisher, terminal: Terminal) -> None:
    publisher.publish(status())
    terminal.wait_for(b"29.8 fps")
    address = publisher.address
    publisher.close()
    with Publisher(PublishConfig(bind=address), "second") as again:
        wait_until(lambda: listened_to(again), "the dashboard's subscriptions")
        again.publish(SourceEvent(source_id="stage-left", capture_time_ns=10**9, state="up"))
        again.publish(status(fps=12.3))
        terminal.wait_for(b"12.3 fps")
        terminal.wait_for(b"publisher restarts 1")


@pytest.mark.slow
def test_it_ends_when_its_parent_is_gone(publisher: Publisher) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    terminal = Terminal(publisher.address, "--parent-pid", str(parent.pid))
    try:
        terminal.wait_for(ENTER)
        assert terminal.process.poll() is None
        parent.kill()
        parent.wait()
        assert terminal.wait() == 0
        assert LEAVE in terminal.written
    finally:
        if parent.stdin is not None:
            parent.stdin.close()
        terminal.close()


@pytest.mark.slow
def test_without_a_terminal_it_says_so_in_one_line(publisher: Publisher) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hitrs_live.pipeline.dashboard_process", publisher.address],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "it is not a terminal" in done.stderr


@pytest.mark.slow
def test_an_address_that_is_none_is_one_line_and_no_traceback() -> None:
    terminal = Terminal("nonsense")
    try:
        assert terminal.wait() == 2
        assert b"Traceback" not in terminal.written
        assert b"nonsense" in terminal.written
    finally:
        terminal.close()
