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
from patience import PATIENCE_S, wait_until

from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.messages import Frame
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.stage import PoseStage
from hitrs_live.skeleton import MEDIAPIPE33_JOINTS, NTU25

pytestmark = pytest.mark.slow

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
Show = Callable[..., Frame]
PATIENT = PoseConfig(hang_after_s=PATIENCE_S)
"""For what is not about a process that hangs: a busy machine may take seconds for a picture."""


@pytest.fixture
def stage() -> Iterator[PoseStage]:
    running = PoseStage(PATIENT, LENS)
    running.start()
    yield running
    running.close()


def test_a_person_is_found_where_the_picture_shows_one(stage: PoseStage, show: Show) -> None:
    xs = []
    # As fast as somebody walks: one who jumps is looked for where they were as well.
    for index, left in enumerate(range(40, 261, 20)):
        (found,) = stage.step(show(index, left))
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
    assert stage.frames_lost == stage.restarts == 0


def test_keypoints_lie_on_the_picture_where_it_shows_them(stage: PoseStage, show: Show) -> None:
    (found,) = stage.step(show(0, 150))
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


def test_two_people_are_found_and_an_empty_room_has_none(stage: PoseStage, show: Show) -> None:
    (found,) = stage.step(show(0, 0, 340))
    assert len(found.poses) == 2
    (empty,) = stage.step(show(1))
    assert empty.poses == ()


def test_joints_below_the_asked_confidence_count_as_not_seen(show: Show) -> None:
    stage = PoseStage(PoseConfig(min_joint_confidence=0.6, hang_after_s=PATIENCE_S), LENS)
    stage.start()
    (found,) = stage.step(show(0, 150))
    stage.close()
    confidence = found.poses[0].confidence
    # Her legs are outside the picture.
    assert confidence[NTU25.index("left_ankle")] == 0
    assert confidence[NTU25.index("left_shoulder")] > 0.6
    assert not ((confidence > 0) & (confidence < 0.6)).any()


def test_pictures_may_change_their_size_mid_stream(stage: PoseStage, show: Show) -> None:
    for index, (width, height) in enumerate([(640, 480), (1920, 1080), (320, 320), (641, 479)]):
        (found,) = stage.step(show(index, width // 8, size=height * 3 // 4, width=width, height=height))
        assert len(found.poses) == 1, (width, height)


def test_a_killed_pose_process_is_replaced_and_the_stream_goes_on(stage: PoseStage, show: Show) -> None:
    assert len(stage.step(show(0, 150))) == 1
    assert stage.process_id is not None
    os.kill(stage.process_id, signal.SIGKILL)
    assert stage.step(show(1, 150)) == ()
    (found,) = stage.step(show(2, 150))
    assert found.index == 2
    assert len(found.poses) == 1
    assert (stage.restarts, stage.frames_lost) == (1, 1)
    assert "SIGKILL" in stage.notice


def test_a_hung_pose_process_is_replaced_and_the_stream_goes_on(show: Show) -> None:
    stage = PoseStage(PoseConfig(hang_after_s=3.0), LENS)
    stage.start()
    try:
        hung = stage.process_id
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        assert stage.step(show(0, 150)) == ()
        assert not psutil.pid_exists(hung)
        assert "no answer within 3 s" in stage.notice
        # A busy machine may hold the new one up for as long, which is a hang like any other.
        found = [stage.step(show(index, 150)) for index in range(1, 4)]
        assert any(found)
        assert stage.restarts == stage.frames_lost == 1 + found.count(())
    finally:
        stage.close()


def test_a_process_above_the_memory_limit_is_replaced_until_the_limit_is_found_impossible(show: Show) -> None:
    stage = PoseStage(PoseConfig(memory_limit_mb=20, hang_after_s=PATIENCE_S), LENS)
    stage.start()
    restarts: set[int] = set()

    def until_it_is_given_up() -> None:
        for index in itertools.count():
            assert len(stage.step(show(index, 150))) == 1, "no frame is lost: it is replaced between two"
            restarts.add(stage.restarts)

    with pytest.raises(PoseProcessFailed, match=r"above pose.memory_limit_mb = 20") as raised:
        until_it_is_given_up()
    stage.close()
    # The first one may be found too large before its first picture.
    assert restarts - {0} == {1, 2, 3, 4}
    assert "\n" not in str(raised.value)


def test_a_process_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    model = tmp_path / "broken.task"
    model.write_bytes(b"no model")
    stage = PoseStage(PoseConfig(), LENS, model=model)
    with pytest.raises(PoseProcessFailed, match=r"5 times in a row; its last words: .*Error") as raised:
        stage.start()
    assert "\n" not in str(raised.value)
    assert stage.process_id is None
    with pytest.raises(ValueError, match="not started"):
        stage.step(Frame(index=0, capture_time_ns=0, received_ns=0, image=np.zeros((8, 8, 3), np.uint8)))


def test_ctrl_c_does_not_end_the_pose_process(stage: PoseStage, show: Show) -> None:
    assert stage.process_id is not None
    os.kill(stage.process_id, signal.SIGINT)
    assert len(stage.step(show(0, 150))) == 1
    assert stage.restarts == 0


def test_the_process_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time; from hitrs_live.pose.stage import PoseStage; from hitrs_live.config import PoseConfig\n"
        "from hitrs_live.pose.intrinsics import Intrinsics\n"
        "stage = PoseStage(PoseConfig(), Intrinsics.from_field_of_view(60, width=64, height=64)); stage.start()\n"
        "print(stage.process_id, flush=True); time.sleep(3600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the end of the child")


def test_the_users_terminal_is_left_alone(show: Show, capfd: pytest.CaptureFixture[str]) -> None:
    stage = PoseStage(PATIENT, LENS)
    stage.start()
    stage.step(show(0, 150))
    stage.close()
    assert capfd.readouterr() == ("", "")


def test_close_ends_the_process_and_may_be_called_twice(show: Show) -> None:
    stage = PoseStage(PATIENT, LENS)
    stage.close()
    stage.start()
    process = psutil.Process(stage.process_id)
    assert (stage.measure_memory_mb() or 0) > 20
    stage.close()
    stage.close()
    assert not process.is_running()
    assert stage.process_id is None


def test_a_picture_of_another_kind_is_the_callers_mistake(stage: PoseStage) -> None:
    with pytest.raises(ValueError, match=r"wanted \(height, width, 3\) uint8"):
        stage.step(Frame(index=0, capture_time_ns=0, received_ns=0, image=np.zeros((8, 8), np.uint8)))
