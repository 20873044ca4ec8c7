"""A process that the machine gives no time may take longer to stop; one that hangs or computes without end may not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from patience import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity, as on Linux"),
]
STOPPING = """
import logging, os, sys, threading, time
from hitrs_live.process.signals import stop_on_signals
from hitrs_live.process.stop_deadline import stop_deadline

logging.basicConfig(stream=sys.stdout, format="%(message)s")

def overdue(reason):
    print(reason, flush=True)
    os._exit(70)

def stop_in_order(cpu_s):
    began_s = time.process_time()
    while time.process_time() - began_s < cpu_s:
        pass

def hang():
    threading.Event().wait()

within_s, longest_s = float(sys.argv[1]), float(sys.argv[2])
with stop_on_signals() as stop, stop_deadline(stop, within_s, overdue, lambda: None, longest_s=longest_s):
    print("runs", flush=True)
    stop.wait()
    print("stops", flush=True)
    {stage}
"""


@contextmanager
def stopping(stage: str, within_s: float, longest_s: float) -> "Iterator[subprocess.Popen[str]]":
    """A program that begins to stop, pinned to one processor."""
    program = STOPPING.format(stage=stage)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(within_s), str(longest_s)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "runs\n"
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
            yield process
        finally:
            process.kill()


@contextmanager
def busy_processor(rivals: int = 2) -> Iterator[None]:
    """Programs that leave little of one processor to one of lower priority."""
    processor = {min(os.sched_getaffinity(0))}
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(rivals)]
    try:
        for hog in hogs:
            os.sched_setaffinity(hog.pid, processor)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def lower_priority(process: "subprocess.Popen[str]", by: int) -> None:
    os.setpriority(os.PRIO_PROCESS, process.pid, min(19, os.getpriority(os.PRIO_PROCESS, process.pid) + by))


def test_a_process_that_gets_too_little_processor_time_stops_in_order_and_says_why_it_took_long() -> None:
    # A twentieth of a processor.
    with stopping("stop_in_order(0.3)", 0.6, PATIENCE_S) as process, busy_processor():
        lower_priority(process, 10)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "stopping takes longer than 0.6 s: the machine is busy; in stop_in_order (<string>:" in out


def test_even_on_a_busy_machine_stopping_has_a_limit() -> None:
    # With a hundredth of a processor the limit comes long before half a second of it is over.
    with stopping("stop_in_order(60)", 0.5, 1.0) as process, busy_processor():
        lower_priority(process, 19)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 70
    assert "it did not stop within 0.5 s of a signal, nor within 1 s on a busy machine; it was in" in out


def test_a_process_that_hangs_is_ended_in_time_with_the_stage_that_did_not_end() -> None:
    with stopping("hang()", 0.5, PATIENCE_S) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 70
    assert "it did not stop within 0.5 s of a signal; it hangs in wait (" in out
    assert "< hang (<string>:" in out


def test_a_process_that_computes_without_end_is_ended_by_the_processor_time_that_it_had() -> None:
    with stopping("stop_in_order(1e9)", 0.5, PATIENCE_S) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 70
    assert "it did not stop within 0.5 s of a signal; it still computes in stop_in_order (<string>:" in out
