"""A pose process that the machine gives no time is waited for: killing it would make things worse."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.pose.worker.process import PoseProcess, ProcessDied
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS
from hitrs_live.pose.worker.shared_frame import SharedPixels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity, as on Linux"),
]
HANG_AFTER_S = 0.4
PICTURE = np.zeros((48, 64, 3), np.uint8)


class Busy:
    """A landmarker that computes for some processor time, or waits."""

    def __init__(self, cpu_s: float = 0.0) -> None:
        self._cpu_s = cpu_s

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        import time

        began_s = time.process_time()
        while time.process_time() - began_s < self._cpu_s:
            pass
        return np.zeros((0, 1, LANDMARK_FIELDS), np.float32)


@contextmanager
def starved(cpu_s: float, *, priority: int) -> Iterator[PoseProcess]:
    """A process that is loaded, and then gets what two others leave of one processor."""
    pixels = SharedPixels()
    landmarker = LandmarkerCall(target=f"{__name__}:Busy", arguments={"cpu_s": cpu_s})
    environment = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        process = PoseProcess(landmarker, pixels, points=1)
    finally:
        os.environ["PYTHONPATH"] = environment
    hogs: list[subprocess.Popen[bytes]] = []
    try:
        process.wait_ready(600.0)
        processor = {min(os.sched_getaffinity(0))}
        os.sched_setaffinity(process.pid, processor)
        os.setpriority(os.PRIO_PROCESS, process.pid, priority)
        for _ in range(2):
            hogs.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            os.sched_setaffinity(hogs[-1].pid, processor)
        yield process
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
        process.close(at_once=True)
        pixels.close()


def test_it_is_waited_for_beyond_the_time_of_a_hang() -> None:
    with starved(0.02, priority=19) as process:
        for seq in range(2):
            landmarks = process.ask(seq, PICTURE, HANG_AFTER_S, most_people=1, spare=False)
            assert landmarks.shape == (0, 1, LANDMARK_FIELDS)


def test_one_that_computes_without_end_is_given_up_all_the_same() -> None:
    # With a hundredth of a processor it would take a minute to prove it.
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with starved(1e9, priority=usual) as process, pytest.raises(ProcessDied, match="no answer within"):
        process.ask(0, PICTURE, HANG_AFTER_S, most_people=1, spare=False)
