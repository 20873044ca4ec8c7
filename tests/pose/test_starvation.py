"""A process that hangs and one that the machine gives no time are not the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from patience import wait_until

from hitrs_live.process.starvation import cpu_time_s, waits_for_machine


@contextmanager
def running(code: str) -> Iterator[int]:
    """A Python process that has begun to do what the code says."""
    process = subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_process_that_computes_wants_the_machine_and_uses_processor_time() -> None:
    with running("while True: pass") as pid:
        before = cpu_time_s(pid)
        wait_until(lambda: cpu_time_s(pid) > before + 0.05, "processor time to be used")
        assert waits_for_machine(pid)


def test_a_thread_that_computes_while_the_first_one_waits_counts() -> None:
    busy = "import threading\nt = threading.Thread(target=lambda: [0 for _ in iter(int, 1)])\nt.start()\nt.join()"
    with running(busy) as pid:
        wait_until(lambda: waits_for_machine(pid), "the thread to compute")


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(1000)",
        "import threading; threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire()",
    ],
)
def test_a_process_that_sleeps_or_is_locked_hangs(code: str) -> None:
    with running(code) as pid:
        wait_until(lambda: not waits_for_machine(pid), "the process to sleep")


def test_a_stopped_process_hangs() -> None:
    with running("while True: pass") as pid:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: not waits_for_machine(pid), "the process to stop")


def test_a_process_that_has_ended_hangs_and_has_used_no_time() -> None:
    with running("while True: pass") as pid:
        pass
    assert not waits_for_machine(pid)
    assert cpu_time_s(pid) == 0
