"""A main loop that hangs is logged with where it is, and ends for the supervisor; stopping never takes long."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from live_runs import live_command
from patience import PATIENCE_S, wait_until

from hitrs_live.process.forced_exit import EXIT_HUNG
from hitrs_live.process.loop_watchdog import LoopWatchdog
from hitrs_live.sources.recording import Recording

HANGING_VIEW = """
import sys, time
from hitrs_live import cli
from hitrs_live.pipeline import source_outputs

shown = source_outputs.SourceOutputs.publish
def publish(self, message):
    if message.topic.startswith("action."):
        print("hangs", flush=True)
        time.sleep(3600)
    return shown(self, message)
source_outputs.SourceOutputs.publish = publish
sys.exit(cli.main(sys.argv[1:]))
"""
"""The program, whose main thread hangs in a call of the system as soon as the first action is published."""


def hang(tmp_path: Path, process: str, *flags: str) -> "tuple[subprocess.Popen[str], Path, str]":
    """Start the program; return it once it hangs, its recording, and what it has written."""
    settings, recording = tmp_path / "settings.toml", tmp_path / "run.mcap"
    settings.write_text(f"[process]\n{process}")
    command = ["live", "--demo", "--speed", "max", "--plain", "--bind", "tcp://127.0.0.1:0", "--record", str(recording)]
    live = subprocess.Popen(
        [sys.executable, "-c", HANGING_VIEW, *command, "--config", str(settings), *flags],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert live.stdout is not None
    written = ""
    while "hangs" not in (line := live.stdout.readline()):
        assert line, "it ended before it hung"
        written += line
    return live, recording, written


@pytest.mark.slow
def test_a_step_that_hangs_is_logged_with_its_place_and_ends_the_process_with_its_recording_closed(
    tmp_path: Path,
) -> None:
    live, recording, written = hang(tmp_path, "slow_step_s = 0.2\nhung_step_s = 2.0")
    out, _ = live.communicate(timeout=PATIENCE_S)
    assert live.returncode == EXIT_HUNG
    # On a busy machine the step may have been slow before it hung.
    assert "a step of the pipeline took longer than 0.2 s, in" in written + out
    assert "a step of the pipeline takes longer than 2 s, in publish (<string>:10) < _publish (pipeline/" in out
    kept = Recording(recording)
    assert len(list(kept.messages())) > 10
    assert not kept.cut


@pytest.mark.slow
def test_a_signal_ends_a_process_whose_main_thread_hangs(tmp_path: Path) -> None:
    live, recording, _ = hang(tmp_path, "stop_within_s = 0.5")
    # A handler of Python would interrupt the sleep; nothing does where a library waits.
    live.send_signal(signal.SIGTERM)
    out, _ = live.communicate(timeout=PATIENCE_S)
    assert live.returncode == EXIT_HUNG
    assert "it did not stop within 0.5 s of a signal" in out
    assert "publish (<string>:10) < _publish (pipeline/" in out
    assert not Recording(recording).cut


def test_a_slow_step_is_counted_once_and_a_loop_that_goes_on_is_not() -> None:
    watchdog = LoopWatchdog(slow_s=0.1, hung_s=0.0)
    with watchdog.watching():
        watchdog.beat()
        wait_until(lambda: watchdog.slow_steps, "the step to be reported")
        wait_until(lambda: watchdog.beat() or watchdog.slow_steps == 1, "the loop to go on")  # type: ignore[func-returns-value]
    assert watchdog.slow_steps == 1
    assert "took longer than 0.1 s, in wait_until" in watchdog.notice


def test_a_loop_that_hangs_is_reported_once_and_no_longer_as_alive() -> None:
    hung, pings = threading.Event(), list[float]()
    watchdog = LoopWatchdog(
        slow_s=0.1, hung_s=0.5, on_hung=lambda _: hung.set(), ping=lambda: pings.append(0), ping_every_s=0.05
    )
    with watchdog.watching():
        watchdog.beat()
        wait_until(hung.is_set, "the hang to be noticed")
        count = len(pings)
        time.sleep(0.3)
        assert len(pings) == count > 0
        wait_until(lambda: watchdog.beat() or len(pings) > count, "the loop to be alive again")  # type: ignore[func-returns-value]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_process_that_was_stopped_has_no_loop_that_hangs() -> None:
    program = """
import os, sys, threading, time
from hitrs_live.process.loop_watchdog import LoopWatchdog

watchdog, end = LoopWatchdog(slow_s=0.5, hung_s=0.5, on_hung=lambda _: os._exit(1)), threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), end.set()), daemon=True).start()
with watchdog.watching():
    print("runs", flush=True)
    while not end.is_set():
        watchdog.beat()
        # The step is unfinished when the process is stopped.
        time.sleep(0.2)
"""
    stopped = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert stopped.stdout is not None
    stopped.stdout.readline()
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    stopped.send_signal(signal.SIGCONT)
    stopped.communicate("end\n", timeout=PATIENCE_S)
    assert stopped.returncode == 0


@pytest.mark.slow
def test_systemd_gets_ready_alive_and_stopping(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(address))
        supervisor.settimeout(PATIENCE_S)
        live = subprocess.Popen(
            live_command("--demo", "--plain", "--bind", "tcp://127.0.0.1:0"),
            stdout=subprocess.DEVNULL, env=os.environ | {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "200000"},
        )  # fmt: skip
        states = [supervisor.recv(100) for _ in range(3)]
        assert states == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        live.terminate()
        while (state := supervisor.recv(100)) == b"WATCHDOG=1":
            pass
        assert state == b"STOPPING=1"
    assert live.wait(PATIENCE_S) == 0
