"""Motion prediction's figures, each on a case small enough to check by hand, and through the live predictor."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.metrics.motion_baselines import (
    BASELINES,
    constant_velocity,
    damped_velocity,
    kalman,
    zero_velocity,
)
from hitrs_live.evaluation.reports.motion import bone_length_change, mean_error_mm, motion_report, velocity_jump_mm
from hitrs_live.evaluation.run_model import Forecasts, forecast
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.transforms import NormaliserConfig, denormalise, normalise_sequence

Floats = NDArray[np.float32]
FRAMES = 120


def body() -> Floats:
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.2, (25, 3)) + np.linspace(0, 1.5, 25)[:, None] * [0, 1, 0]).astype(np.float32)


def sequence(joints_m: Floats, name: str = "made") -> LabelledSequence:
    return LabelledSequence(
        name=name, subject="one", joints_m=joints_m.astype(np.float32), labels=np.zeros(len(joints_m), np.int64),
        valid_mask=np.ones(25, bool),
    )  # fmt: skip


def walking(step_m: float = 0.02) -> LabelledSequence:
    """Move the whole body by so much a frame."""
    return sequence(body() + step_m * np.arange(FRAMES)[:, None, None] * np.array([1, 0, 0]))


def forecasts(seen: LabelledSequence, future_m: Floats, ends: list[int], scale_m: float = 0.0) -> Forecasts:
    return Forecasts(
        seen=seen, true_m=seen.joints_m, ends=np.array(ends), future_m=future_m,
        scale_m=np.full(future_m.shape[:3], scale_m, np.float32),
    )  # fmt: skip


def test_the_baselines_of_a_steady_walk_can_be_worked_out() -> None:
    """0.02 m a frame: zero velocity errs by that times the frames, damping loses 1 - 0.85 of a step a step."""
    walk, ends = walking(), np.array([40, 60])
    ahead = walk.joints_m[ends[:, None] + np.arange(1, 31)]
    every = np.ones(25, bool)

    def errors(predicted: Floats) -> list[float]:
        return mean_error_mm(predicted, ahead, every)[0, [0, 1, 29]].tolist()

    assert errors(zero_velocity(walk.joints_m, ends, 30)) == pytest.approx([20, 40, 600], abs=0.01)
    assert errors(constant_velocity(walk.joints_m, ends, 30)) == pytest.approx([0, 0, 0], abs=0.05)
    lost = 20 * (30 - (1 - 0.85**30) / 0.15)
    assert errors(damped_velocity(walk.joints_m, ends, 30)) == pytest.approx([0, 3, lost], abs=0.05)
    assert errors(kalman(walk.joints_m, ends, 30)) == pytest.approx([0, 0, 0], abs=1)


@pytest.mark.parametrize("name", list(BASELINES))
def test_no_baseline_looks_ahead(name: str) -> None:
    walk, ends = walking().joints_m, np.array([40])
    other = walk.copy()
    other[41:] += 1.0
    np.testing.assert_array_equal(BASELINES[name](walk, ends, 30), BASELINES[name](other, ends, 30))


def test_the_filter_reduces_noise() -> None:
    rng = np.random.default_rng(1)
    still = np.repeat(body()[None], 300, 0)
    noisy = (still + rng.normal(0, 0.01, still.shape)).astype(np.float32)
    ends = np.arange(50, 260)
    off = {
        name: mean_error_mm(BASELINES[name](noisy, ends, 6), still[:1, None], np.ones(25, bool))[:, 5].mean()
        for name in ("kalman", "constant_velocity")
    }
    assert off["kalman"] < off["constant_velocity"]


def test_errors_are_in_camera_space_and_root_aligned() -> None:
    """All joints 10 mm off; the wrist 250 mm more: 10 and 10 mm mean in camera space, root-aligned only the 10."""
    walk = walking()
    future = walk.joints_m[None, 41:71] + np.float32(0.01) * np.array([0, 1, 0], np.float32)
    future[:, :, 6, 1] += 0.25
    report = motion_report([forecasts(walk, future, [40])], rate_hz=30.0)
    assert report["mpjpe_mm"] == dict.fromkeys(("100", "200", "400", "600", "1000"), pytest.approx(20.0))
    assert report["root_aligned_mpjpe_mm"]["400"] == pytest.approx(10.0)
    assert report["baselines"]["held"]["mpjpe_mm"] == pytest.approx(
        {"100": 60, "200": 120, "400": 240, "600": 360, "1000": 600}, abs=0.1
    )
    assert report["baselines"]["held"]["root_aligned_mpjpe_mm"]["1000"] == pytest.approx(0, abs=0.1)
    assert report["predictions"] == 1


def test_joints_that_the_sensor_does_not_have_are_left_out() -> None:
    walk = walking()
    future = walk.joints_m[None, 41:71].copy()
    future[:, :, 6] += 1.0
    without = replace(walk, valid_mask=np.arange(25) != 6)
    assert motion_report([forecasts(without, future, [40])], rate_hz=30.0)["mpjpe_mm"]["100"] == 0.0


def test_a_mean_is_over_predictions_not_recordings() -> None:
    """Two predictions 10 mm off and one 40 mm off: 20 mm."""
    walk = walking()
    up = np.array([0, 1, 0], np.float32)
    first = forecasts(walk, walk.joints_m[np.array([[40], [50]]) + np.arange(1, 31)] + 0.01 * up, [40, 50])
    second = forecasts(walk, walk.joints_m[None, 41:71] + 0.04 * up, [40])
    report = motion_report([first, second], rate_hz=30.0)
    assert report["mpjpe_mm"]["600"] == pytest.approx(20.0)


def test_a_velocity_jump_is_the_change_from_the_last_step_to_the_first_predicted_one() -> None:
    walk, ends, every = walking(), np.array([40]), np.ones(25, bool)
    assert velocity_jump_mm(walk.joints_m, ends, zero_velocity(walk.joints_m, ends, 30), every) == pytest.approx(
        [20], abs=0.01
    )
    onward = constant_velocity(walk.joints_m, ends, 30)
    assert velocity_jump_mm(walk.joints_m, ends, onward, every) == pytest.approx([0], abs=0.01)


def test_the_change_of_a_bone_is_a_share_of_its_length_and_bones_without_one_do_not_count() -> None:
    last = np.zeros((1, 25, 3), np.float32)
    last[0, 5:8] = [0.3, 0, 0]
    longer = last[:, None].copy()
    longer[0, 0, 5:8] = [0.33, 0, 0]
    assert bone_length_change(last, longer) == pytest.approx(0.1, rel=1e-5)
    grown = last[:, None].copy()
    grown[0, 0, 24] += 1.0
    assert bone_length_change(last, grown) == pytest.approx(0.0, abs=1e-6)


def test_calibration_is_the_share_of_joints_within_their_range() -> None:
    """Every joint 30 mm off: 2.674 scales of 10 mm do not reach it, 5.322 do."""
    walk = walking()
    future = walk.joints_m[None, 41:71] + np.array([0, 0.03, 0], np.float32)
    assert motion_report([forecasts(walk, future, [40], 0.010)], rate_hz=30.0)["calibration"] == {"50": 0.0, "90": 1.0}
    assert motion_report([forecasts(walk, future, [40], 0.020)], rate_hz=30.0)["calibration"] == {"50": 1.0, "90": 1.0}


ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8, dropout=0.0, causal=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    detector = DetectorConfig(encoder=ENCODER, classes=2, window_clips=4)
    model = HitrsDetector(detector).eval()
    with torch.no_grad():
        for parameter in model.motion_head.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    info = CheckpointInfo(
        name="made", labels=("background", "walk"), detector=detector, normaliser=NormaliserConfig(), label_lag_frames=3
    )
    return Checkpoint(info=info, model=model)


def wandering(seed: int, frames: int) -> LabelledSequence:
    rng = np.random.default_rng(seed)
    return sequence(body() + np.cumsum(rng.normal(0, 0.01, (frames, 25, 3)), axis=0), name=f"w{seed}")


@pytest.mark.parametrize("step_frames", [None, 1])
def test_live_forecasts_and_scales_are_those_of_the_whole_recording(
    checkpoint: Checkpoint, step_frames: int | None
) -> None:
    recordings = [wandering(1, 60), wandering(2, 52), wandering(3, 30)]
    predicted = list(forecast(checkpoint, [(one, one) for one in recordings], step_frames=step_frames))
    assert [one.seen.name for one in predicted] == ["w1", "w2"], "the third is too short for a whole second ahead"
    for one in predicted:
        assert one.ends.tolist() == list(range(12, len(one.true_m) - 30, step_frames or 7))
        joints, frames = normalise_sequence(torch.from_numpy(one.seen.joints_m)[None], NormaliserConfig())
        with torch.inference_mode():
            _, outputs = checkpoint.model.encoder(joints[:, : 13 + 7], causal=True)
            future, scale = checkpoint.model.forecast(outputs, joints[:, : 13 + 7])
        at = frames.map(lambda field: field[:, [12, 19]])
        places = [one.ends.tolist().index(end) for end in (12, 19)]
        np.testing.assert_allclose(one.future_m[places], denormalise(future, at)[0].numpy(), atol=1e-4)
        sizes = at.size_m[0, :, None, None]
        np.testing.assert_allclose(one.scale_m[places], (scale[0] * sizes).numpy(), rtol=1e-3)


def test_predictions_from_degraded_joints_are_compared_with_the_true_ones(checkpoint: Checkpoint) -> None:
    true = wandering(1, 60)
    shifted = replace(true, joints_m=true.joints_m + np.float32(1.0))
    (clean,), (degraded,) = (list(forecast(checkpoint, [(seen, true)])) for seen in (true, shifted))
    np.testing.assert_array_equal(degraded.true_m, true.joints_m)
    np.testing.assert_allclose(degraded.future_m, clean.future_m + 1.0, atol=1e-3)


def test_the_command_writes_every_figure(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "made.safetensors", checkpoint)
    walks = [wandering(seed, 70) for seed in (1, 2)]
    np.savez(
        tmp_path / "mine.npz",
        x=np.concatenate([one.joints_m for one in walks]),
        y=np.zeros(140, np.int16),
        length=np.array([70, 70]),
        subject=np.array(["a", "b"]),
        seq=np.array(["one", "two"]),
        meta=np.array(json.dumps({"valid": [True] * 25})),
    )
    flags = ["--checkpoint", str(tmp_path / "made.safetensors"), "--data", str(tmp_path / "mine.npz")]
    out = tmp_path / "report.json"
    more = ["--subjects", "b", "--degrade", "noise", "--threads", "1", "--json", str(out)]
    assert main(["evaluate", "motion", *flags, *more]) == 0
    report = json.loads(out.read_text())
    assert (report["subjects"], report["degraded"], report["predictions"]) == (["b"], ["noise"], 4)
    assert set(report["baselines"]) == {"held", "constant_velocity", "damped_velocity", "kalman"}
    assert set(report["mpjpe_mm"]) == {"100", "200", "400", "600", "1000"}
    assert report["bone_length_change_max"] < 0.02
    assert set(report["calibration"]) == {"50", "90"}


def test_recordings_too_short_to_predict_a_second_are_reported(
    checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "made.safetensors", checkpoint)
    np.savez(
        tmp_path / "short.npz", x=wandering(1, 42).joints_m, y=np.zeros(42, np.int16), length=np.array([42]),
        subject=np.array(["a"]), seq=np.array(["one"]), meta=np.array(json.dumps({"valid": [True] * 25})),
    )  # fmt: skip
    flags = ["--checkpoint", str(tmp_path / "made.safetensors"), "--data", str(tmp_path / "short.npz")]
    assert main(["evaluate", "motion", *flags]) == 2
    error = capsys.readouterr().err
    assert "has 43 frames" in error
    assert error.count("\n") == 1
