"""Real people in real clips, from pixels to tracks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from patience import PATIENCE_S

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.messages import Frame
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.tracking.tracker import Tracker

pytestmark = pytest.mark.slow


def follow(
    clip: Path, *, every: int, first: int = 0, last: int = 10**9, min_height: float = 0.0
) -> tuple[dict[int, int], Tracker, int]:
    """Run a clip. Returns how many frames each id was present in, the tracker, and the number of frames.

    min_height: of a body that counts, as a share of the picture's.
    """
    video = cv2.VideoCapture(str(clip))
    width, height = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    fps = video.get(cv2.CAP_PROP_FPS)
    estimator = make_pose_estimator(
        PoseConfig(hang_after_s=PATIENCE_S), Intrinsics.from_field_of_view(40, width=width, height=height)
    )
    tracker = Tracker(2, TrackConfig())
    estimator.open()
    present: dict[int, int] = {}
    frames = 0
    for index in range(last):
        if not video.grab():
            break
        if index >= first and index % every == 0:
            stamp = round(index / fps * 1e9)
            picture = video.retrieve()[1]
            poses = estimator.step(Frame(index=index, capture_time_ns=stamp, received_ns=stamp, image=picture))
            assert poses is not None, estimator.notice
            people = tracker.step(poses)
            frames += 1
            counted = people.present
            if people.boxes is not None:
                counted = counted & (people.boxes[:, 3] - people.boxes[:, 1] >= min_height)
            for track_id in people.track_ids[counted].tolist():
                present[track_id] = present.get(track_id, 0) + 1
    estimator.close()
    return present, tracker, frames


@pytest.mark.parametrize("camera", [1, 2, 3, 4])
def test_two_people_side_by_side_keep_two_ids(data: Path, camera: int) -> None:
    clip = data / "video" / f"pose2sim_multi_cam0{camera}.mp4"
    present, tracker, frames = follow(clip, every=2)
    assert set(present) == {1, 2}
    assert tracker.resets == 0
    # The third camera sees one of them behind the other for most of the clip.
    assert min(present.values()) >= (4 if camera == 3 else 0.7 * frames)
    assert max(present.values()) >= 0.85 * frames


def test_a_person_who_leaves_keeps_one_id_and_the_next_gets_another(data: Path) -> None:
    clip = data / "video" / "intel_one_by_one.mp4"
    # A thing on the table, a tenth of the picture high, is taken for a person and followed; nothing yet tells it apart.
    present, _, _ = follow(clip, every=1, first=400, last=560, min_height=0.4)
    # Two people, one after the other, 50 frames each.
    assert len([count for count in present.values() if count > 40]) == 2


def test_one_camera_agrees_with_four_within_stated_bounds(data: Path, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "studies" / "pose_accuracy.py"
    command = [sys.executable, str(script), "--every", "8", "--json", str(tmp_path / "out.json"), "--data", str(data)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S, env={**os.environ})
    report = json.loads((tmp_path / "out.json").read_text())
    assert list(report["backends"]) == ["blazepose"], "the backend of the live path is the one measured by default"
    measured = report["backends"]["blazepose"]["all"]
    # Measured 124, 133, 123 mm and none swapped on all frames; every eighth, as here, shows other poses. The bounds
    # leave a fifth and more.
    assert measured["root_aligned_mm"] < 150
    assert measured["root_error_mm"] < 175
    assert measured["depth_error_mm"] < 165
    assert measured["left_right_swapped"] < 0.05
