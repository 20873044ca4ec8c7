"""Training of the motion head on a trained detector, or together with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from recording_logger import Interrupted, RecordingLogger

from hitrs_live.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    EncoderCheckpoint,
    EncoderInfo,
    load_checkpoint,
    save_checkpoint,
)
from hitrs_live.cli import main
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.motion_losses import in_the_room, motion_losses
from hitrs_live.training.train_detector import TrainingStreams
from hitrs_live.training.train_forecaster import ForecasterTraining, train_forecaster
from hitrs_live.training.trainer import Step, TrainerConfig
from hitrs_live.transforms import NormaliserConfig

pytestmark = pytest.mark.slow

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8, causal=True, dropout=0.0,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=ENCODER, classes=len(LABELS), window_clips=4, horizon=6, motion_hidden=16)
"""With the motion head of older files, which is replaced."""


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    info = CheckpointInfo(
        name="tried", labels=LABELS, detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=3,
        temperature=1.5, provenance={"made by": "a test"},
    )  # fmt: skip
    path = tmp_path_factory.mktemp("detector") / "detector.safetensors"
    save_checkpoint(path, Checkpoint(info=info, model=HitrsDetector(DETECTOR)))
    return path


def config(steps: int, *, joint: bool = False, learning_rate: float = 1e-3) -> ForecasterTraining:
    loop = TrainerConfig(
        steps=steps, seed=5, learning_rate=learning_rate, warmup_steps=2, average_decay=0.9, workers=0, save_every=2
    )
    return ForecasterTraining(joint=joint, loop=loop, batch=4)


def run(
    what: ForecasterTraining, streams_data: TrainingStreams, begin: Path, out: Path, interrupt_at: int | None = None
) -> tuple[list[Step], Mapping[str, torch.Tensor]]:
    logger = RecordingLogger(interrupt_at=interrupt_at)
    with join_processes("cpu") as processes:
        train_forecaster(what, streams_data, load_checkpoint(begin), out, processes, logger)
    return logger.steps, load_checkpoint(out).model.state_dict()


def test_the_detectors_action_scores_are_unchanged_to_the_bit(
    streams_data: TrainingStreams, detector: Path, tmp_path: Path
) -> None:
    run(config(3), streams_data, detector, tmp_path / "out.safetensors")
    before, after = load_checkpoint(detector), load_checkpoint(tmp_path / "out.safetensors")
    joints = torch.randn(2, 40, 25, 3)
    with torch.inference_mode():
        assert torch.equal(before.model(joints)[0], after.model(joints)[0])
    assert (after.info.temperature, after.info.label_lag_frames, after.info.labels) == (1.5, 3, LABELS)
    assert after.info.provenance["made by"] == "a test"
    assert "motion settings" in after.info.provenance


def test_convolutions_beside_the_detector_are_kept(
    streams_data: TrainingStreams, detector: Path, tmp_path: Path
) -> None:
    before, sizes = load_checkpoint(detector), ConvolutionsConfig(classes=len(LABELS), width=8, dilations=(1, 2))
    info = msgspec.structs.replace(before.info, convolutions=sizes)
    both = tmp_path / "both.safetensors"
    save_checkpoint(both, Checkpoint(info=info, model=before.model, convolutions=JointConvolutions(sizes)))
    run(config(1), streams_data, both, tmp_path / "out.safetensors")
    kept, trained = load_checkpoint(both).convolutions, load_checkpoint(tmp_path / "out.safetensors").convolutions
    assert kept
    assert trained
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in kept.state_dict().items())


def test_with_keep_motion_the_training_goes_on_from_the_detectors_own_head(
    streams_data: TrainingStreams, detector: Path, tmp_path: Path
) -> None:
    still = replace(config(1), loop=replace(config(1).loop, learning_rate=0.0, final_learning_rate=0.0))
    _, trained = run(config(3), streams_data, detector, tmp_path / "trained.safetensors")
    kept = replace(still, keep_motion=True)
    _, again = run(kept, streams_data, tmp_path / "trained.safetensors", tmp_path / "again.safetensors")
    _, fresh = run(still, streams_data, tmp_path / "trained.safetensors", tmp_path / "fresh.safetensors")
    motion = [name for name in trained if name.startswith("motion_head.")]
    assert all(torch.allclose(trained[name], again[name], atol=1e-3) for name in motion)
    assert not all(torch.allclose(trained[name], fresh[name], atol=1e-3) for name in motion)


def test_with_joint_every_part_is_trained(streams_data: TrainingStreams, detector: Path, tmp_path: Path) -> None:
    _, two = run(config(2, joint=True), streams_data, detector, tmp_path / "two.safetensors")
    _, four = run(config(4, joint=True), streams_data, detector, tmp_path / "four.safetensors")
    changed = {name.split(".")[0] for name in two if not torch.equal(two[name], four[name])}
    assert changed == {"encoder", "action_head", "motion_head"}


def test_the_motion_loss_falls_below_that_of_damped_velocity(
    streams_data: TrainingStreams, detector: Path, tmp_path: Path
) -> None:
    """An untrained head is damped velocity: the first steps' loss."""
    steps, _ = run(
        replace(config(60, learning_rate=5e-3), batch=8), streams_data, detector, tmp_path / "out.safetensors"
    )
    first, last = (sum(s.figures["motion"] for s in part) for part in (steps[:10], steps[-10:]))
    assert last < 0.9 * first


def test_an_interrupted_and_resumed_run_ends_with_the_same_weights(
    streams_data: TrainingStreams, detector: Path, tmp_path: Path
) -> None:
    _, whole = run(config(5), streams_data, detector, tmp_path / "whole.safetensors")
    with pytest.raises(Interrupted):
        run(config(5), streams_data, detector, tmp_path / "parts.safetensors", interrupt_at=4)
    steps, parts = run(config(5), streams_data, detector, tmp_path / "parts.safetensors")
    assert [step.step for step in steps] == [3, 4, 5]
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_losses_are_distances_with_root_displacement_where_the_future_was_recorded() -> None:
    """The root's error of 0.3 is every joint's; the second clip's future is synthetic."""
    true = torch.zeros(1, 2, 4, 25, 3)
    predicted = true.clone()
    predicted[..., 0, 2] = 0.3
    predicted[:, 1] += 7.0
    scale = torch.full((1, 2, 4, 25), 0.1)
    losses = motion_losses(predicted, scale, true, torch.tensor([[True, False]]))
    assert float(losses["motion"]) == pytest.approx(0.3)
    assert float(losses["motion_near"]) == pytest.approx(0.3)
    assert float(losses["doubt"]) == pytest.approx(0.3 / 0.1 + 3 * torch.tensor(0.1).log().item(), rel=1e-5)


def test_the_likeliest_scale_is_a_third_of_the_mean_error() -> None:
    true = torch.zeros(1, 1, 1, 25, 3)
    predicted = true.clone()
    predicted[..., 0, 0] = 0.6
    doubts = [
        float(motion_losses(predicted, torch.full((1, 1, 1, 25), s), true, torch.ones(1, 1, dtype=torch.bool))["doubt"])
        for s in (0.15, 0.2, 0.25)
    ]
    assert min(doubts) == doubts[1]


def test_joints_are_placed_by_their_root() -> None:
    joints = torch.zeros(25, 3)
    joints[0], joints[5] = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 2.0, 0.0])
    placed = in_the_room(joints)
    assert placed[0].tolist() == placed[7].tolist() == [1.0, 0.0, 0.0]
    assert placed[5].tolist() == [1.0, 2.0, 0.0]


FLAGS = ("--steps", "2", "--batch", "2", "--workers", "0", "--threads", "1")


def test_the_command_builds_a_detector_without_actions_on_an_encoder(miniature: Path, tmp_path: Path) -> None:
    info = EncoderInfo(name="tried", encoder=ENCODER, normaliser=NormaliserConfig())
    encoder, out = tmp_path / "encoder.safetensors", tmp_path / "out.safetensors"
    save_checkpoint(encoder, EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    data = str(miniature / "ship")
    flags = ["--checkpoint", str(encoder), "--data", data, "--out", str(out), "--window-clips", "4", *FLAGS]
    assert main(["train-forecaster", *flags]) == 0
    trained = load_checkpoint(out)
    assert trained.info.labels == ("background",)
    assert trained.info.detector.window_clips == 4


def test_a_detector_around_an_encoder_is_the_same_in_every_run_so_that_one_can_resume(
    miniature: Path, tmp_path: Path
) -> None:
    info = EncoderInfo(name="tried", encoder=ENCODER, normaliser=NormaliserConfig())
    encoder = tmp_path / "encoder.safetensors"
    save_checkpoint(encoder, EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    heads = []
    for name in ("one", "two"):
        out, data = tmp_path / f"{name}.safetensors", str(miniature / "ship")
        flags = ["--checkpoint", str(encoder), "--data", data, "--out", str(out), "--window-clips", "4", *FLAGS]
        assert main(["train-forecaster", *flags]) == 0
        heads.append(load_checkpoint(out).model.action_head.state_dict())
    torch.testing.assert_close(heads[0], heads[1], rtol=0, atol=0)


def test_the_command_takes_a_detector(
    miniature: Path, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.safetensors"
    flags = ["--checkpoint", str(detector), "--data", str(miniature / "ship"), "--joint", "--out", str(out), *FLAGS]
    assert main(["train-forecaster", *flags, "--window-clips", "9"]) == 0
    assert "--window-clips 9: not used, since the detector has its own window" in capsys.readouterr().out
    assert load_checkpoint(out).info.labels == LABELS
    assert load_checkpoint(out).info.detector.window_clips == load_checkpoint(detector).info.detector.window_clips


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--checkpoint": "none.safetensors"}, "none.safetensors: cannot be read"),
        ({"--data": "none.npz"}, "none.npz: no such file"),
        ({"--leave-out": "stranger"}, "--leave-out: no subject stranger in the data"),
    ],
)
def test_a_wrong_flag_is_an_error_of_one_line(
    miniature: Path, detector: Path, tmp_path: Path, change: dict[str, str], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    flags = {"--checkpoint": str(detector), "--data": str(miniature / "ship"), "--out": str(tmp_path / "o.safetensors")}
    words = [word for pair in (flags | change).items() for word in pair]
    assert main(["train-forecaster", *words, *FLAGS]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "o.safetensors").exists()


def test_an_encoder_alone_is_an_error_with_joint(
    miniature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = EncoderInfo(name="tried", encoder=ENCODER, normaliser=NormaliserConfig())
    save_checkpoint(tmp_path / "e.safetensors", EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    flags = ["--checkpoint", str(tmp_path / "e.safetensors"), "--data", str(miniature / "ship"), *FLAGS]
    assert main(["train-forecaster", "--joint", "--out", str(tmp_path / "o.safetensors"), *flags]) == 2
    assert "an encoder has no actions to train with --joint" in capsys.readouterr().err
