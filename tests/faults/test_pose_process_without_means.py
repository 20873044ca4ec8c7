"""A pose stage for which the system has no memory, no descriptor and no process goes on once it has them again."""

import itertools
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray
from patience import PATIENCE_S, wait_until

from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.messages import Frame
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS
from hitrs_live.skeleton import MEDIAPIPE33

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)


class NobodyThere:
    """A landmarker that sees no one."""

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((0, len(MEDIAPIPE33), LANDMARK_FIELDS), np.float32)


@pytest.fixture
def estimator(monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedPoseEstimator]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    made = IsolatedPoseEstimator(
        lambda: LandmarkerCall(target=f"{__name__}:NobodyThere"),
        skeleton=MEDIAPIPE33, config=PoseConfig(hang_after_s=PATIENCE_S), intrinsics=LENS,
    )  # fmt: skip
    yield made
    made.close()


@contextmanager
def limited(what: int, limit: int) -> Iterator[None]:
    before = resource.getrlimit(what)
    resource.setrlimit(what, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def picture(index: int, width: int = 64) -> Frame:
    return Frame(index=index, capture_time_ns=index, received_ns=index, image=np.zeros((48, width, 3), np.uint8))


def descriptors_with_free(free: int) -> int:
    """Return the limit of descriptors below which so many are free now, or one more: the list itself takes one."""
    used = set(map(int, os.listdir("/proc/self/fd")))
    return next(limit for limit in itertools.count(3) if limit - sum(each < limit for each in used) == free)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_frames_are_counted_while_there_is_no_room_or_no_process_and_come_again(
    estimator: IsolatedPoseEstimator,
) -> None:
    def finds(index: int) -> Callable[[], bool]:
        return lambda: estimator.step(picture(index)) is not None

    estimator.open()
    assert estimator.step(picture(0)) is not None
    with limited(resource.RLIMIT_FSIZE, 1000):
        assert estimator.step(picture(1, width=640)) is None
        assert "no room to share a picture of 92160 bytes" in estimator.notice
        assert estimator.step(picture(2)) is not None, "smaller pictures still have room"
    assert estimator.step(picture(3, width=640)) is not None
    assert (estimator.drops(), estimator.restarts) == ({"pose_gap": 1}, 0)
    with limited(resource.RLIMIT_NOFILE, 3):
        os.kill(estimator.process_id or 0, signal.SIGKILL)
        assert estimator.step(picture(4)) is None
        assert "the pose process could not be started (Too many open files)" in estimator.notice
        assert estimator.step(picture(5)) is None
    wait_until(finds(6), "a new process")
    assert estimator.restarts == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize(("free", "reason"), [(0, "no file to share pictures"), (3, "could not be started")])
def test_a_process_that_cannot_be_started_at_first_is_refused_in_one_line(
    estimator: IsolatedPoseEstimator, free: int, reason: str
) -> None:
    with limited(resource.RLIMIT_NOFILE, descriptors_with_free(free)), pytest.raises(PoseProcessFailed) as caught:
        estimator.open()
    assert reason in str(caught.value)
    assert "(Too many open files); end other programs or raise their limits" in str(caught.value)
