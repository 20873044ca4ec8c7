"""A signal ends a run in order, whatever it waits for."""

import signal
import socket
import subprocess
import threading

import pytest
from live_runs import live_command
from patience import PATIENCE_S

from hitrs_live.process.signals import interrupted_by, stop_on_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
FREE = ("--plain", "--bind", "tcp://127.0.0.1:0")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_a_wait_and_execution_continues_after_it(number: signal.Signals) -> None:
    waited = False
    with stop_on_signals() as stop:
        before = signal.getsignal(number)
        with interrupted_by(stop):
            signal.raise_signal(number)
            waited = True
        assert (waited, stop.is_set()) == (False, True)
        assert signal.getsignal(number) == before


def test_a_block_without_a_signal_runs_to_its_end_and_raises_its_errors() -> None:
    with stop_on_signals() as stop:
        with interrupted_by(stop):
            done = True
        assert (done, stop.is_set()) == (True, False)
        with pytest.raises(ValueError, match="a fault"), interrupted_by(stop):
            raise ValueError("a fault")


def test_outside_the_main_thread_nothing_is_interrupted_and_nothing_fails() -> None:
    done = []

    def work() -> None:
        with interrupted_by(threading.Event()):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE_S)
    assert done == [True]


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_that_waits_for_a_subscriber(number: signal.Signals) -> None:
    command = live_command("--demo", "--wait-subscriber", "86400", *FREE)
    live = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert live.stdout is not None
    while "publishing on" not in (line := live.stdout.readline()):
        assert line, "it ended before it waited"
    live.send_signal(number)
    out, err = live.communicate(timeout=PATIENCE_S)
    assert (live.returncode, err) == (0, "")
    assert "no subscriber" not in out


@pytest.mark.slow
def test_a_signal_ends_a_run_that_waits_for_a_required_camera() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        command = live_command("--camera", url, "--require-sources", *FREE)
        live = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        silent.settimeout(PATIENCE_S)
        connection, _ = silent.accept()
        with connection:
            live.send_signal(signal.SIGTERM)
            _, err = live.communicate(timeout=PATIENCE_S)
    assert (live.returncode, err) == (0, ""), "a camera that does not answer would be refused with code 2"
