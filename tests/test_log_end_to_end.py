"""The log of `hitrs-live live` on the streams and terminals of real machines."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from live_runs import live_command
from patience import PATIENCE_S

from hitrs_live.messages import ActionEvent, SourceEvent
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton
from hitrs_live.sources.recording import Recording
from hitrs_live.wire.utc import utc_text

pytestmark = pytest.mark.slow

FREE = ("--bind", "tcp://127.0.0.1:0")
SHORT = ("--demo", "--speed", "max", "--duration", "3", "--plain", *FREE)
LOST = "log lines could not be written to standard output"


def test_a_reader_that_goes_away_loses_only_its_lines() -> None:
    live = subprocess.Popen(live_command(*SHORT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert live.stdout is not None
    live.stdout.close()
    assert LOST in live.communicate(timeout=PATIENCE_S)[1]
    assert live.returncode == 0


def test_a_pipe_that_is_not_read_does_not_block_the_run() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    live = subprocess.Popen(live_command(*SHORT), stdout=writing, stderr=writing)
    os.close(writing)
    assert live.wait(PATIENCE_S) == 0
    os.close(reading)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_does_not_end_the_run(closed: str) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *live_command(*SHORT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert ("source     ended" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_log_does_not_end_the_run() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            live_command(*SHORT), stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False
        )
    assert (done.returncode, LOST in done.stderr) == (0, True)


def test_a_log_in_ascii_writes_other_letters_as_escapes(tmp_path: Path) -> None:
    body = NtuBody(body_id="1", joints_m=np.ones((25, 3), np.float32), confidence=np.ones(25, np.float32))
    write_skeleton(tmp_path / "Übung.skeleton", [(body,)] * 5)
    done = subprocess.run(
        live_command("--replay", str(tmp_path / "Übung.skeleton"), "--speed", "max", "--plain", *FREE),
        capture_output=True, timeout=PATIENCE_S, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"\\xdcbung.skeleton" in done.stdout


def test_log_lines_and_the_messages_in_them_have_one_offset_to_utc() -> None:
    flags = ("--demo", "--plain", "--log-format", "json", "--duration", "2")
    done = subprocess.run(live_command(*flags, *FREE), capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    lines = [line for line in map(json.loads, done.stdout.splitlines()) if line.get("event", {}).get("utc_ns")]
    assert {line["logger"] for line in lines} >= {"hitrs_live.source", "hitrs_live.status"}
    for line in lines:
        event = line["event"]
        offset_ns = event["utc_ns"] - event["capture_time_ns"]
        assert line["time"] == utc_text(event["publish_time_ns"] + offset_ns, digits=6)


def test_a_hang_up_ends_running_actions_and_the_run() -> None:
    command = live_command("--demo", "--plain", *FREE)
    live = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert live.stdout is not None
    while "start  squat" not in (line := live.stdout.readline()):
        assert line, "it ended before its first action"
    live.send_signal(signal.SIGHUP)
    live.send_signal(signal.SIGHUP)
    out, err = live.communicate(timeout=PATIENCE_S)
    assert live.returncode == 0, err
    assert re.search(r"end    squat .*shutdown\)\n.*source     ended  shutdown\n", out)


def test_a_terminal_that_closes_ends_the_dashboard_and_the_run_in_order(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    file = tmp_path / "run.mcap"
    live = subprocess.Popen(
        live_command("--demo", "--record", str(file), *FREE),
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}, start_new_session=True,
        # The terminal is this session's own, so that closing it hangs up.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while b"S Q U A T" not in written:
        written += os.read(ours, 65536)
    os.close(ours)
    assert live.wait(PATIENCE_S) == 0
    recording = Recording(file)
    messages = list(recording.messages())
    assert not recording.cut
    assert [m.state for m in messages if isinstance(m, SourceEvent)] == ["up", "ended"]
    assert [m.reason for m in messages if isinstance(m, ActionEvent) and m.state == "end"][-1] == "shutdown"


def on_a_terminal(size: tuple[int, int], environment: dict[str, str], *flags: str) -> tuple[int, str]:
    """Run on a pseudo-terminal of (lines, columns); return the exit code and the output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    bare = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "TERM")}
    live = subprocess.Popen(
        live_command(*flags), stdin=theirs, stdout=theirs, stderr=theirs, env=bare | environment, start_new_session=True
    )
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # Linux raises this once the other end is closed.
        pass
    os.close(ours)
    return live.wait(PATIENCE_S), written.decode(errors="replace")


@pytest.mark.parametrize(
    ("size", "environment"),
    [((24, 80), {"TERM": "dumb"}), ((24, 80), {}), ((5, 20), {"TERM": "xterm"}), ((0, 0), {"TERM": "xterm"})],
)
def test_a_terminal_that_cannot_be_drawn_on_gets_lines(size: tuple[int, int], environment: dict[str, str]) -> None:
    code, written = on_a_terminal(size, environment, "--demo", "--speed", "max", "--duration", "3", *FREE)
    assert code == 0, written
    assert "source     up" in written
    assert "\x1b" not in written


def test_log_lines_replace_a_dashboard_that_cannot_start(tmp_path: Path) -> None:
    # Python reads this file before anything else.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'hitrs_live.pipeline.dashboard_process' in sys.orig_argv: os._exit(1)\n"
    )
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    code, written = on_a_terminal((24, 80), {"TERM": "xterm", "PYTHONPATH": path}, "--demo", "--duration", "4", *FREE)
    assert code == 0, written
    assert "the dashboard ended with code 1; log lines from here on" in written
    assert "source     up" in written


@pytest.mark.parametrize("verb", ["config", "models"])
def test_a_verb_that_only_prints_ends_with_code_0_when_its_reader_goes_away(verb: str) -> None:
    command = [sys.executable, "-m", "hitrs_live.cli", verb]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists() or shutil.which("sh") is None, reason="needs /dev/full")
def test_a_full_disk_under_a_verb_that_only_prints_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hitrs_live.cli", "config"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("hitrs-live: standard output cannot be written: No space left on device")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_watch_in_order(number: signal.Signals, tmp_path: Path) -> None:
    from hitrs_live.config import PublishConfig
    from hitrs_live.transport.publisher import Publisher

    with Publisher(PublishConfig(bind="tcp://127.0.0.1:0"), "s1") as publisher:
        command = [sys.executable, "-m", "hitrs_live.cli", "watch", publisher.address]
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert watch.stdout is not None
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher.publish(SourceEvent(source_id="door", capture_time_ns=1, state="up"))
        # A subscription may reach the publisher after the message: its snapshot has the source then.
        give_up_s = time.monotonic() + PATIENCE_S
        while not select.select([watch.stdout], [], [], 0.05)[0] and time.monotonic() < give_up_s:
            publisher.serve_subscribers()
        assert "door" in watch.stdout.readline()
        watch.send_signal(number)
        out, err = watch.communicate(timeout=PATIENCE_S)
    assert (watch.returncode, out, err) == (0, "", "")
