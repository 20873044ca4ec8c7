"""Training on streams learns, resumes to the bit, and never touches a test subject."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kept_log import BrokenOff, KeptJournal
from ntu_miniature import act, write_ntu_miniature

from hitrs_live.checkpoint import EncoderCheckpoint, EncoderInfo, load_checkpoint, load_encoder, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.class_map import read_ship
from hitrs_live.data.shipped_classes import LABELS, TEST_SUBJECTS
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.errors import DataError
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.training.batches_detection import StreamBatch, StreamBatches, frames_since_start
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.train_detector import DetectorTraining, TrainingStreams, losses_of, train_detector
from hitrs_live.training.trainer import Step, TrainerConfig
from hitrs_live.transforms import NormaliserConfig

pytestmark = pytest.mark.slow

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8, causal=True,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=ENCODER, classes=len(LABELS), window_clips=4, horizon=6)


def config(steps: int, learning_rate: float = 1e-3) -> DetectorTraining:
    loop = TrainerConfig(
        steps=steps, seed=5, learning_rate=learning_rate, warmup_steps=2, average_decay=0.998, workers=0, save_every=3
    )
    return DetectorTraining(labels=LABELS, detector=DETECTOR, loop=loop, batch=4)


def run(
    what: DetectorTraining,
    streams_data: TrainingStreams,
    out: Path,
    begin: EncoderCheckpoint | None = None,
    broken_at: int | None = None,
) -> list[Step]:
    logger = KeptJournal(broken_at=broken_at)
    with join_processes("cpu") as processes:
        train_detector(what, streams_data, begin, out, processes, logger)
    return logger.steps


def weights(path: Path) -> Mapping[str, torch.Tensor]:
    return load_checkpoint(path).model.state_dict()


@pytest.mark.parametrize(("broken_at", "resumed_at"), [(5, 4), (8, 7)])
def test_a_run_broken_off_and_resumed_ends_in_the_same_weights(
    streams_data: TrainingStreams, tmp_path: Path, broken_at: int, resumed_at: int
) -> None:
    run(config(9), streams_data, tmp_path / "whole.safetensors")
    with pytest.raises(BrokenOff):
        run(config(9), streams_data, tmp_path / "parts.safetensors", broken_at=broken_at)
    torch.manual_seed(999)
    steps = run(config(9), streams_data, tmp_path / "parts.safetensors")
    assert [step.step for step in steps] == list(range(resumed_at, 10)), "resumed at the last save"
    one, two = weights(tmp_path / "whole.safetensors"), weights(tmp_path / "parts.safetensors")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_without_a_weight_for_it_motion_is_not_trained(streams_data: TrainingStreams, tmp_path: Path) -> None:
    made = []
    for steps in (1, 4):
        run(replace(config(steps), motion_weight=0.0), streams_data, tmp_path / f"{steps}.safetensors")
        made.append(weights(tmp_path / f"{steps}.safetensors"))
    changed = {name.split(".")[0] for name in made[0] if not torch.equal(made[0][name], made[1][name])}
    assert changed == {"encoder", "action_head"}


def test_the_losses_fall(streams_data: TrainingStreams, tmp_path: Path) -> None:
    seen = run(replace(config(40, learning_rate=1e-2), batch=16), streams_data, tmp_path / "m.safetensors")
    for name, share in (("action", 0.98), ("motion", 0.8)):
        assert sum(s.figures[name] for s in seen[-10:]) < share * sum(s.figures[name] for s in seen[:10])


def test_training_begins_with_the_encoder_that_is_given(streams_data: TrainingStreams, tmp_path: Path) -> None:
    torch.manual_seed(3)
    info = EncoderInfo(name="tried", encoder=ENCODER, normaliser=NormaliserConfig())
    save_checkpoint(tmp_path / "encoder.safetensors", EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    begin = load_encoder(tmp_path / "encoder.safetensors")
    still = replace(config(1), loop=replace(config(1).loop, learning_rate=0.0, final_learning_rate=0.0))
    run(still, streams_data, tmp_path / "out.safetensors", begin)
    trained = load_encoder(tmp_path / "out.safetensors").model.state_dict()
    assert all(torch.equal(trained[name], value) for name, value in begin.model.state_dict().items())


def batches(streams_data: TrainingStreams, seed: int) -> StreamBatches:
    return StreamBatches(
        StreamComposer(streams_data.sources, streams_data.weights, ComposeConfig()),
        Augmenter(AugmentConfig(), streams_data.mirrored),
        detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=3, size=8, seed=(seed,),
    )  # fmt: skip


def test_the_same_seed_and_number_give_the_same_batch_and_others_another(streams_data: TrainingStreams) -> None:
    made, again, other = (batches(streams_data, seed) for seed in (1, 1, 2))
    torch.testing.assert_close(made(7).joints, again(7).joints, atol=0, rtol=0)
    assert made(7).joints.shape != other(7).joints.shape or not torch.equal(made(7).joints, other(7).joints)


def test_a_perfect_motion_head_would_have_no_loss_where_the_future_is_real(streams_data: TrainingStreams) -> None:
    batch = batches(streams_data, 1)(0)
    assert batch.future.shape[:3] == (8, batch.labels.shape[1], 6)
    assert torch.isfinite(batch.future).all()
    ends = torch.arange(batch.labels.shape[1]) * 7 + 12
    step = (batch.future[:, :, 0] - batch.joints[:, ends]).norm(dim=-1).mean(-1)[batch.future_mask]
    assert step.mean() < 0.2, "the first future frame is near the last seen one, but for its noise"


def test_frames_are_counted_since_their_action_began() -> None:
    labels = np.array([[0, 0, 2, 2, 2, 1, 0], [3, 3, 0, 3, 3, -1, 3]])
    assert frames_since_start(labels).tolist() == [[7, 7, 0, 1, 2, 0, 7], [7, 7, 7, 0, 1, 7, 0]]


def test_a_clip_of_a_new_action_weighs_what_it_is_told_to() -> None:
    """Two clips: one new and wrong by ln 4 (four even scores), one old and nearly certain."""
    logits = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [0.0, 50.0, 0.0, 0.0]]])
    batch = StreamBatch(
        joints=torch.zeros(1, 1), labels=torch.tensor([[1, 1]]), since_start=torch.tensor([[2, 20]]),
        future=torch.zeros(1, 2, 1, 1, 3), future_mask=torch.zeros(1, 2, dtype=torch.bool),
    )  # fmt: skip
    what = replace(config(1), label_smoothing=0.0, start_weight=3.0, motion_weight=0.0)
    losses = losses_of(Answers(logits), batch, what)
    assert float(losses["action"]) == pytest.approx(3 * np.log(4) / 4, rel=1e-5)


class Answers(torch.nn.Module):
    """Give the same logits to everything, and say nothing of motion."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.logits,)


def test_no_test_subject_is_ever_read_for_training(miniature: Path) -> None:
    for name, recordings in read_ship(miniature, test=False).items():
        assert recordings
        assert not {recording.subject for recording in recordings} & TEST_SUBJECTS[name]


def test_missing_data_is_told_of_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"precog16\.npz: no such file; set HITRS_DATA"):
        read_ship(tmp_path, test=False)


def test_the_command_trains_on_other_data_with_its_own_classes(miniature: Path, tmp_path: Path) -> None:
    data = miniature / "ship" / "precog16.npz"
    other = tmp_path / "mine.npz"
    other.write_bytes(data.read_bytes())
    flags = ["--steps", "2", "--batch", "2", "--size", "tiny", "--workers", "0"]
    out = tmp_path / "mine.safetensors"
    assert main(["train-detector", "--data", str(other), "--test-subjects", "p9", "--out", str(out), *flags]) == 0
    assert load_checkpoint(out).info.labels[:2] == ("background", "right_punch")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--leave-out", "stranger"], "--leave-out: no subject stranger in the data"),
        (["--steps", "0"], "--steps: got 0"),
        (["--checkpoint", "none.safetensors"], "none.safetensors: cannot be read"),
        (["--window-clips", "1"], "--window-clips: got 1, expected 2 to 64"),
        (["--window-clips", "65"], "--window-clips: got 65, expected 2 to 64"),
        (["--batch", "3", "--accumulate", "2"], "choose another, such as --batch 4"),
    ],
)
def test_what_is_wrong_with_a_flag_is_told_in_one_line(
    miniature: Path, tmp_path: Path, flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(miniature / "ship" / "precog16.npz")
    assert main(["train-detector", "--data", data, "--out", str(tmp_path / "o.safetensors"), *flags]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["background"] * 3, "no training sequence contains an action, only 'background'"),
        (["background", "background", "wave"], "no training sequence contains an action, only 'background'"),
        (["background", "wave", "wave"], ""),
    ],
)
def test_data_that_shows_no_action_in_its_training_half_is_refused_in_one_line(
    labels: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, names = 200, ("background", "wave", "jump")
    np.savez(
        tmp_path / "mine.npz",
        x=np.concatenate([act(1, frames)] * 3).astype(np.float16),
        y=np.repeat([names.index(label) for label in labels], frames),
        length=np.full(3, frames), subject=np.array(["a", "b", "tested"]), seq=np.array(["one", "two", "three"]),
        meta=json.dumps({"labels": dict(enumerate(names))}),
    )  # fmt: skip
    out = tmp_path / "out.safetensors"
    flags = ["--steps", "1", "--batch", "2", "--size", "tiny", "--workers", "0", "--test-subjects", "tested"]
    code = main(["train-detector", "--data", str(tmp_path / "mine.npz"), "--out", str(out), *flags])
    error = capsys.readouterr().err
    if told:
        assert (code, error.count("\n")) == (2, 1)
        assert told in error
    else:
        assert (code, error) == (0, "")
    assert out.exists() == (not told)


def test_classes_of_which_recordings_show_two_people_are_learned_as_actions_of_two(tmp_path: Path) -> None:
    write_ntu_miniature(tmp_path / "ntu", subjects=(1, 3), cameras=(1,), actions=(1, 50))
    prepared = tmp_path / "prepared"
    assert main(["prepare", "ntu", str(tmp_path / "ntu"), "--out", str(prepared), "--workers", "1"]) == 0
    out = tmp_path / "two.safetensors"
    flags = ["--steps", "2", "--batch", "2", "--size", "tiny", "--workers", "0"]
    assert main(["train-detector", "--data", str(prepared), "--out", str(out), *flags]) == 0
    (pair_label,) = load_checkpoint(out).info.pair_labels
    assert "punch" in pair_label
