"""Training a pose forecaster: it learns, it resumes, its batches are what they say, and its file is checked."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cmu_miniature import write_cmu_miniature
from safetensors.torch import load_file, save_file

from hitrs_live.checkpoint import load_forecaster
from hitrs_live.cli import main
from hitrs_live.data.formats.cmu_motion import read_cmu_motion
from hitrs_live.data.motion_set import MotionSet
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.pose_forecaster import PoseForecaster, PoseForecasterConfig, cosines
from hitrs_live.training.batches_motion import WindowBatches, WindowVariation

pytestmark = pytest.mark.slow

SMALL = ["--width", "32", "--layers", "2", "--batch", "32", "--threads", "1", "--device", "cpu"]
STILL = WindowVariation(mirror_share=0.0, reverse_share=0.0, turn_rad=0.0, other_legs_share=0.0)


@pytest.fixture
def motion(tmp_path: Path) -> MotionSet:
    return read_cmu_motion(write_cmu_miniature(tmp_path / "cmu.npz"))


def batches(motion: MotionSet, variation: WindowVariation, size: int = 64) -> WindowBatches:
    return WindowBatches(motion, motion.train, variation=variation, balance=0.5, size=size, seed=(0, 0))


def forecaster(motion: MotionSet) -> PoseForecaster:
    torch.manual_seed(0)
    return PoseForecaster(PoseForecasterConfig(scored=motion.scored, twins=motion.twins, width=16, layers=1))


def test_what_is_trained_beats_zero_velocity_on_a_recording_it_never_saw(tmp_path: Path) -> None:
    file, out = write_cmu_miniature(tmp_path / "cmu.npz"), tmp_path / "forecaster.safetensors"
    train = ["train-pose-forecaster", "--cmu", str(file), "--out", str(out), "--leave-out", "walking_2", *SMALL]
    assert main([*train, "--steps", "150"]) == 0
    report = tmp_path / "out.json"
    measure = ["evaluate", "motion", "--cmu", str(file), "--forecaster", str(out), "--recordings", "walking_2"]
    assert main([*measure, "--threads", "1", "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert figures["mirror_averaged"]
    for told, held in zip(figures["per_action"]["walking"], figures["zero_velocity"]["walking"], strict=True):
        assert told < held


def test_a_batch_is_a_function_of_its_number_and_windows_run_on_from_their_history(motion: MotionSet) -> None:
    draw = batches(motion, WindowVariation(reverse_share=0.5, speed=0.2))
    one, again, other = draw(3), draw(3), draw(4)
    assert torch.equal(one.history, again.history)
    assert not torch.equal(one.history, other.history)
    assert one.history.shape == (64, 10, 25, 3)
    assert one.future.shape == (64, 25, 25, 3)
    steps = torch.cat((one.history, one.future), dim=1).diff(dim=1).norm(dim=-1)
    assert steps.max() < 100.0


def test_without_variation_windows_are_those_of_the_recordings(motion: MotionSet) -> None:
    batch = batches(motion, STILL)(0)
    known = np.concatenate([r.windows()[:, :, list(motion.scored)] for r in motion.train])
    drawn = torch.cat((batch.history, batch.future), dim=1).numpy()
    assert all((np.abs(known - window).max((1, 2, 3)) == 0).any() for window in drawn)


def test_legs_are_exchanged_whole_and_arms_are_not(motion: MotionSet) -> None:
    plain, other = batches(motion, STILL)(0), batches(motion, replace(STILL, other_legs_share=0.5))(0)
    of_joint = (plain.future != other.future).any(-1).any(1)
    legs = [k for k, j in enumerate(motion.scored) if j < 13]
    assert not of_joint[:, len(legs) :].any()
    assert (of_joint[:, legs].all(1) == of_joint[:, legs].any(1)).all()
    assert 10 < of_joint[:, legs].all(1).sum() < 54
    assert torch.equal(other.history[1, :, legs], plain.history[0 if of_joint[1, 0] else 1, :, legs])


def test_turned_bodies_keep_the_distance_of_their_joints(motion: MotionSet) -> None:
    plain = batches(motion, STILL)(0)
    turned = batches(motion, replace(STILL, turn_rad=0.3))(0)
    reach = [batch.history[..., 0, :].norm(dim=-1) for batch in (plain, turned)]
    assert torch.allclose(*reach, atol=1e-2)
    assert not torch.allclose(plain.history, turned.history, atol=1.0)


def test_joints_that_never_move_are_held_and_doubles_follow(motion: MotionSet) -> None:
    model = forecaster(motion)
    torch.nn.init.normal_(model.tell.weight)
    history = torch.from_numpy(motion.test[0].windows()[:3, :10])
    with torch.inference_mode():
        future = model(history)
    assert future.shape == (3, 25, 38, 3)
    assert torch.equal(future, future[:, :, list(motion.twins)])
    still = [j for j in range(38) if j not in motion.scored and motion.twins[j] == j]
    assert torch.equal(future[:, :, still], history[:, -1:, still].expand(-1, 25, -1, -1))
    assert (future - history[:, -1:])[:, :, list(motion.scored)].abs().min() > 0


def test_the_cosine_basis_is_orthonormal() -> None:
    assert torch.allclose(cosines(25) @ cosines(25).T, torch.eye(25), atol=1e-5)


def test_a_checkpoint_that_is_none_is_named(tmp_path: Path) -> None:
    out = tmp_path / "forecaster.safetensors"
    file = write_cmu_miniature(tmp_path / "cmu.npz")
    assert main(["train-pose-forecaster", "--cmu", str(file), "--out", str(out), *SMALL, "--steps", "1"]) == 0
    assert load_forecaster(out).info.benchmark == "cmu"
    tensors = load_file(out)
    save_file(tensors, tmp_path / "plain.safetensors")
    with pytest.raises(CheckpointMismatch, match=r"plain\.safetensors: is no pose forecaster"):
        load_forecaster(tmp_path / "plain.safetensors")
    out.write_bytes(out.read_bytes()[:-50])
    with pytest.raises(CheckpointMismatch, match=r"forecaster\.safetensors: cannot be read"):
        load_forecaster(out)


def test_nothing_left_to_learn_from_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_cmu_miniature(tmp_path / "cmu.npz")
    names = "walking_1,walking_2,jumping_1,jumping_2"
    flags = ["train-pose-forecaster", "--cmu", str(file), "--leave-out", names]
    assert main([*flags, "--out", str(tmp_path / "none.safetensors")]) == 2
    assert "no recording is left to train on" in capsys.readouterr().err
    assert not list(tmp_path.glob("none*"))
