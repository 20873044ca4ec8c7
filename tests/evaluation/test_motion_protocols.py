"""The published protocols of motion prediction: zero velocity as published, errors by hand, faults in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cmu_miniature import write_cmu_miniature

from hitrs_live.cli import main
from hitrs_live.data.formats.cmu_motion import read_cmu_motion
from hitrs_live.data.motion_set import MotionRecording, MotionSet
from hitrs_live.evaluation.reports.motion_protocols import (
    FRAMES,
    mean_over_actions,
    motion_errors,
    with_mirror,
    zero_velocity,
)
from hitrs_live.skeleton import SkeletonLayout

ZERO_VELOCITY = {
    "basketball": (28.7, 54.4, 100.4, 120.6, 154.8, 208.8),
    "jumping": (29.7, 55.8, 99.4, 117.0, 144.6, 175.9),
    "soccer": (30.2, 57.6, 107.9, 130.4, 168.8, 235.4),
    "walking": (25.8, 49.9, 95.3, 116.2, 154.0, 224.2),
    "washwindow": (17.4, 33.6, 62.9, 75.5, 96.3, 135.0),
    "running": (44.1, 84.4, 155.4, 185.4, 234.1, 287.0),
}
"""As the benchmark reports it, over the scored joints."""

THREE = SkeletonLayout(name="three", joints=("hips", "left_hand", "right_hand"), parents=(0, 0, 0))


def three_joints(speeds_mm: tuple[float, float]) -> MotionSet:
    """Two recordings of a body whose one scored joint, the left hand, moves evenly; the root stands still."""
    recordings = []
    for name, speed in zip(("a", "b"), speeds_mm, strict=True):
        joints = np.zeros((40, 3, 3), np.float32)
        joints[:, 1] = (100.0, 0.0, 0.0)
        joints[:, 1, 1] = speed * np.arange(40)
        joints[:, 2] = (-100.0, 0.0, 0.0)
        recordings.append(MotionRecording(action=name, name=name, joints_mm=joints, starts=np.arange(6)))
    return MotionSet(
        name="three", layout=THREE, scored=(1,), twins=(0, 1, 2), train=tuple(recordings), test=tuple(recordings)
    )


def test_zero_velocity_on_the_cmu_benchmark_is_the_published_one(data: Path) -> None:
    files = sorted((data / "measure").glob("cmu_motion*"))
    if not files:
        pytest.skip("needs the CMU motion-prediction benchmark in measure/ of the data folder")
    measured = motion_errors(read_cmu_motion(files[0]), zero_velocity)
    assert set(measured) == set(ZERO_VELOCITY)
    for action, published in ZERO_VELOCITY.items():
        assert measured[action].scored == pytest.approx(published, abs=0.1), action


def test_errors_are_those_counted_by_hand() -> None:
    errors = motion_errors(three_joints((2.0, 5.0)), zero_velocity)
    assert errors["a"].scored == pytest.approx([2.0 * frame for frame in FRAMES], abs=0.01)
    assert errors["b"].scored == pytest.approx([5.0 * frame for frame in FRAMES], abs=0.01)
    assert errors["a"].all_joints == pytest.approx([2.0 * frame / 3 for frame in FRAMES], abs=0.01)
    assert errors["a"].windows == 6
    assert mean_over_actions(errors).scored == pytest.approx([3.5 * frame for frame in FRAMES], abs=0.01)


def test_a_predictor_that_knows_the_motion_makes_no_error() -> None:
    def evenly(history: torch.Tensor) -> torch.Tensor:
        step = history[:, -1:] - history[:, -2:-1]
        return history[:, -1:] + step * torch.arange(1, 26).view(1, -1, 1, 1)

    assert motion_errors(three_joints((2.0, 5.0)), evenly)["b"].scored == pytest.approx([0.0] * 6, abs=0.01)


def test_averaging_with_the_mirror_image_cancels_what_a_predictor_does_to_one_side_only(tmp_path: Path) -> None:
    motion = read_cmu_motion(write_cmu_miniature(tmp_path / "cmu.npz"))
    to_the_left = torch.tensor((10.0, 0.0, 0.0))
    both = with_mirror(lambda history: zero_velocity(history) + to_the_left, motion.mirror)
    history = torch.from_numpy(motion.test[0].windows()[:2, :10])
    off = (both(history) - zero_velocity(history))[..., list(motion.scored), 0]
    assert off.abs().max() < 10.0
    assert with_mirror(zero_velocity, motion.mirror)(history) == pytest.approx(zero_velocity(history), abs=0.01)


def test_the_verb_writes_both_means_beside_what_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = write_cmu_miniature(tmp_path / "cmu.npz"), tmp_path / "out.json"
    assert main(["evaluate", "motion", "--cmu", str(file), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["columns_ms"] == [80, 160, 320, 400, 560, 1000]
    assert report["per_action"] == report["zero_velocity"]
    assert [len(values) for values in report["per_action"].values()] == [6, 6]
    assert report["published_all_joints"]["walking"]["mm"][0] == 6.2
    assert report["training_files"] == {"here": 4, "of": 40}
    walking, everything = report["zero_velocity"]["walking"], report["zero_velocity_all_joints"]["walking"]
    assert 0 < everything[0] < walking[0], "joints that never move make the mean over all of them smaller"
    assert "4 of 40" in capsys.readouterr().out


def test_training_recordings_can_be_measured_on_to_choose_by(tmp_path: Path) -> None:
    file, out = write_cmu_miniature(tmp_path / "cmu.npz"), tmp_path / "out.json"
    flags = ["evaluate", "motion", "--cmu", str(file), "--recordings", "walking_2", "--json", str(out)]
    assert main(flags) == 0
    assert list(json.loads(out.read_text())["per_action"]) == ["walking"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--recordings", "walking_9"], "no training recording is called walking_9"),
        (["--forecaster", "none.safetensors"], "none.safetensors: cannot be read"),
    ],
)
def test_a_wrong_flag_is_reported_in_one_line(
    tmp_path: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_cmu_miniature(tmp_path / "cmu.npz")
    assert main(["evaluate", "motion", "--cmu", str(file), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
