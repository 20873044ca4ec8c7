"""The real estimator in its real process, and what happens when that process fails."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from patience import PATIENCE_S, ManualClock, wait_until

from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.messages import Frame, PoseFrame
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.synthetic import draw_person
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.skeleton import COCO17, MEDIAPIPE33, MEDIAPIPE33_JOINTS, NTU25

pytestmark = pytest.mark.slow

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
Show = Callable[..., Frame]
PATIENT = PoseConfig(hang_after_s=PATIENCE_S)
"""For what is not about a process that hangs: a busy machine may take seconds for a picture."""


def result(estimator: IsolatedPoseEstimator, frame: Frame) -> PoseFrame:
    """Step an estimator that is expected to give a result."""
    people = estimator.step(frame)
    assert people is not None, estimator.notice
    return people


@pytest.fixture
def estimator() -> Iterator[IsolatedPoseEstimator]:
    running = make_pose_estimator(PATIENT, LENS)
    running.open()
    yield running
    running.close()


def test_a_person_is_found_where_the_picture_shows_one(estimator: IsolatedPoseEstimator, show: Show) -> None:
    xs = []
    # At walking speed: after a jump, the estimator searches the last position as well.
    for index, left in enumerate(range(40, 261, 20)):
        found = result(estimator, show(index, left))
        assert (found.index, found.capture_time_ns) == (index, index * 33_333_333)
        (pose,) = found.poses
        assert pose.box is not None
        middle = (pose.box[0] + pose.box[2]) / 2 * 640
        assert left < middle < left + 300
        xs.append(float(pose.joints_m[0, 0]))
        assert 0.5 < pose.joints_m[0, 2] < 4
        # She faces the camera.
        assert pose.joints_m[NTU25.index("left_shoulder"), 0] < pose.joints_m[NTU25.index("right_shoulder"), 0]
        assert pose.joints_m[NTU25.index("head"), 1] > pose.joints_m[NTU25.index("spine_base"), 1]
    # Right in the picture is a smaller x.
    assert xs[0] > xs[len(xs) // 2] > xs[-1]
    assert estimator.drops()["pose_gap"] == estimator.restarts == 0


def test_keypoints_lie_on_the_picture_where_it_shows_them(estimator: IsolatedPoseEstimator, show: Show) -> None:
    found = result(estimator, show(0, 150))
    assert found.keypoint_layout == "mediapipe33"
    clearest = max(found.poses, key=lambda pose: float(pose.confidence.mean()))
    assert clearest.box is not None
    assert clearest.keypoints is not None
    assert clearest.keypoints.shape == (33, 3)
    at = {name: clearest.keypoints[number] for number, name in enumerate(MEDIAPIPE33_JOINTS)}
    assert clearest.box[0] <= at["nose"][0] <= clearest.box[2]
    assert at["nose"][2] > 0.9, "her face is seen"
    assert at["right_eye"][0] < at["left_eye"][0], "she faces the camera"
    assert at["left_ankle"][2] < 0.6, "her legs are outside the picture"
    assert ((clearest.keypoints[:, 2] >= 0) & (clearest.keypoints[:, 2] <= 1)).all()


def test_two_people_are_found_and_an_empty_room_has_none(estimator: IsolatedPoseEstimator, show: Show) -> None:
    found = result(estimator, show(0, 0, 340))
    assert len(found.poses) == 2
    empty = result(estimator, show(1))
    assert empty.poses == ()


def test_joints_below_the_asked_confidence_count_as_not_seen(show: Show) -> None:
    estimator = make_pose_estimator(PoseConfig(min_joint_confidence=0.6, hang_after_s=PATIENCE_S), LENS)
    estimator.open()
    found = result(estimator, show(0, 150))
    estimator.close()
    confidence = found.poses[0].confidence
    # Her legs are outside the picture.
    assert confidence[NTU25.index("left_ankle")] == 0
    assert confidence[NTU25.index("left_shoulder")] > 0.6
    assert not ((confidence > 0) & (confidence < 0.6)).any()


def test_pictures_may_change_their_size_mid_stream(estimator: IsolatedPoseEstimator, show: Show) -> None:
    for index, (width, height) in enumerate([(640, 480), (1920, 1080), (320, 320), (641, 479)]):
        found = result(estimator, show(index, width // 8, size=height * 3 // 4, width=width, height=height))
        assert len(found.poses) == 1, (width, height)


def test_a_killed_pose_process_is_replaced_and_the_stream_goes_on(estimator: IsolatedPoseEstimator, show: Show) -> None:
    assert estimator.step(show(0, 150)) is not None
    assert estimator.process_id is not None
    os.kill(estimator.process_id, signal.SIGKILL)
    assert estimator.step(show(1, 150)) is None
    found = result(estimator, show(2, 150))
    assert found.index == 2
    assert len(found.poses) == 1
    assert (estimator.restarts, estimator.drops()["pose_gap"]) == (1, 1)
    assert "SIGKILL" in estimator.notice


def test_a_hung_pose_process_is_replaced_and_the_stream_goes_on(show: Show) -> None:
    estimator = make_pose_estimator(PoseConfig(hang_after_s=3.0), LENS)
    estimator.open()
    try:
        hung = estimator.process_id
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        assert estimator.step(show(0, 150)) is None
        assert not psutil.pid_exists(hung)
        assert "no answer within 3 s" in estimator.notice
        # A busy machine may delay the new one for as long, which is a hang like any other.
        found = [estimator.step(show(index, 150)) for index in range(1, 4)]
        assert any(found)
        assert estimator.restarts == estimator.drops()["pose_gap"] == 1 + found.count(None)
    finally:
        estimator.close()


def test_a_process_that_fails_again_and_again_gets_pauses_and_is_never_given_up(show: Show) -> None:
    clock = ManualClock()
    call = LandmarkerCall(target="hitrs_live.pose.synthetic:SyntheticLandmarker")
    estimator = IsolatedPoseEstimator(
        lambda: call, skeleton=COCO17, config=PATIENT, intrinsics=LENS, clock=lambda: clock() / 1e9
    )  # fmt: skip
    estimator.open()
    assert estimator.step(show(0, 150)) is not None
    pauses: list[float] = []
    for _ in range(12):
        while estimator.process_id is not None:
            os.kill(estimator.process_id, signal.SIGKILL)
            estimator.step(show(1, 150))
        assert estimator.step(show(2, 150)) is None, "a frame during the pause has no result"
        waited = 0.0
        while estimator.process_id is None:
            clock.advance(0.5)
            waited += 0.5
            result_then = estimator.step(show(3, 150))
        assert result_then is not None, "after the pause it works again"
        pauses.append(waited)
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(pauses) == 60
    assert "next one starts in 60 s" in estimator.notice
    for index in range(3):
        assert estimator.step(show(index, 150)) is not None
    os.kill(estimator.process_id or 0, signal.SIGKILL)
    assert estimator.step(show(9, 150)) is None
    assert estimator.process_id is not None, "three pictures later, a failure is the first again"
    estimator.close()


def test_a_memory_limit_that_no_process_keeps_leads_to_pauses_and_a_notice(show: Show) -> None:
    estimator = make_pose_estimator(PoseConfig(memory_limit_mb=20, hang_after_s=PATIENCE_S), LENS)
    estimator.open()
    for index in itertools.count():
        if estimator.step(show(index, 150)) is None:
            break
    assert estimator.restarts == 5
    assert "above pose.memory_limit_mb = 20, 5 times in a row; the next one starts in 1 s" in estimator.notice
    assert "\n" not in estimator.notice
    estimator.close()


def test_a_process_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    model = tmp_path / "broken.task"
    model.write_bytes(b"no model")
    estimator = make_pose_estimator(PoseConfig(), LENS, model=model)
    with pytest.raises(PoseProcessFailed, match=r"5 times in a row; its last words: .*broken.task") as raised:
        estimator.open()
    assert "\n" not in str(raised.value)
    assert estimator.process_id is None
    with pytest.raises(ValueError, match="not open; call open first"):
        estimator.step(Frame(index=0, capture_time_ns=0, received_ns=0, image=np.zeros((8, 8, 3), np.uint8)))


def test_a_landmarker_of_another_layout_is_given_up_with_both_numbers(show: Show) -> None:
    call = LandmarkerCall(target="hitrs_live.pose.synthetic:SyntheticLandmarker")
    estimator = IsolatedPoseEstimator(lambda: call, skeleton=MEDIAPIPE33, config=PATIENT, intrinsics=LENS)
    picture = show(0).image.copy()
    draw_person(picture, 0.0, LENS)
    estimator.open()
    frame = Frame(index=0, capture_time_ns=0, received_ns=0, image=picture)
    assert [estimator.step(frame) for _ in range(4)] == [None] * 4
    with pytest.raises(PoseProcessFailed, match="476 bytes for 1 people, expected 33 points of 7 numbers"):
        estimator.step(frame)
    estimator.close()


def test_ctrl_c_does_not_end_the_pose_process(estimator: IsolatedPoseEstimator, show: Show) -> None:
    assert estimator.process_id is not None
    os.kill(estimator.process_id, signal.SIGINT)
    assert estimator.step(show(0, 150)) is not None
    assert estimator.restarts == 0


def test_the_process_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time; from hitrs_live.config import PoseConfig; from hitrs_live.pose.intrinsics import Intrinsics\n"
        "from hitrs_live.pose.factory import make_pose_estimator\n"
        "estimator = make_pose_estimator(PoseConfig(), Intrinsics.from_field_of_view(60, width=64, height=64))\n"
        "estimator.open(); print(estimator.process_id, flush=True); time.sleep(3600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the end of the child")


def test_a_process_that_is_sent_what_is_no_request_says_so_and_ends() -> None:
    call = LandmarkerCall(target="hitrs_live.pose.synthetic:SyntheticLandmarker")
    command = [sys.executable, "-m", "hitrs_live.pose.worker", *call.command_line(), "--pixels", "0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    # The input stays open: its end is not what ends the process.
    process.stdin.write(b"\x03\x00\x00\x00abc")
    process.stdin.flush()
    assert process.wait(PATIENCE_S) == 1
    assert b"requests: got bytes that are no message" in process.stderr.read()
    process.communicate()


def test_the_users_terminal_is_left_alone(show: Show, capfd: pytest.CaptureFixture[str]) -> None:
    estimator = make_pose_estimator(PATIENT, LENS)
    estimator.open()
    estimator.step(show(0, 150))
    estimator.close()
    assert capfd.readouterr() == ("", "")


def test_close_ends_the_process_and_may_be_called_twice(show: Show) -> None:
    estimator = make_pose_estimator(PATIENT, LENS)
    estimator.close()
    estimator.open()
    process = psutil.Process(estimator.process_id)
    assert (estimator.measure_memory_mb() or 0) > 20
    estimator.close()
    estimator.close()
    assert not process.is_running()
    assert estimator.process_id is None


def test_a_picture_of_another_kind_is_the_callers_mistake(estimator: IsolatedPoseEstimator) -> None:
    with pytest.raises(ValueError, match=r"expected \(height, width, 3\) uint8"):
        estimator.step(Frame(index=0, capture_time_ns=0, received_ns=0, image=np.zeros((8, 8), np.uint8)))
