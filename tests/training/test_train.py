"""Training learns, resumes to the bit, and never touches a test subject."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ship_miniature import write_miniature

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.ship import LABELS, TEST_SUBJECTS, read_ship
from hitrs_live.errors import DataError
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.training.batches import BatchMaker
from hitrs_live.training.train import Progress, TrainConfig, train

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=ENCODER, classes=len(LABELS), window_clips=4, horizon=6, motion_hidden=16)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("data"))


def config(miniature: Path, out: Path, steps: int, motion_steps: int = 0) -> TrainConfig:
    return TrainConfig(
        data=miniature, out=out, detector=DETECTOR, steps=steps, motion_steps=motion_steps, batch=4, warmup_steps=2,
        save_every=3, seed=5,
    )  # fmt: skip


class BrokenOff(Exception):
    """The power went."""


@pytest.mark.parametrize(("broken_at", "resumed_at"), [(4, 3), (7, 6), (10, 9)])
def test_a_run_broken_off_and_resumed_ends_in_the_same_weights(
    miniature: Path, tmp_path: Path, broken_at: int, resumed_at: int
) -> None:
    whole = train(config(miniature, tmp_path / "whole.safetensors", 6, 6), lambda _: None)

    def break_off(progress: Progress) -> None:
        if progress.step == broken_at:
            raise BrokenOff

    parts = config(miniature, tmp_path / "parts.safetensors", 6, 6)
    with pytest.raises(BrokenOff):
        train(parts, break_off)
    torch.manual_seed(999)
    steps: list[int] = []
    train(parts, lambda progress: steps.append(progress.step))
    assert steps == list(range(resumed_at, 12)), "resumed at the last save"
    one, two = load_checkpoint(whole).model.state_dict(), load_checkpoint(parts.out).model.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_second_stage_trains_the_motion_head_and_nothing_else(miniature: Path, tmp_path: Path) -> None:
    first = train(config(miniature, tmp_path / "m.safetensors", 3), lambda _: None)
    before = load_checkpoint(first).model.state_dict()
    after = load_checkpoint(train(config(miniature, first, 3, 3), lambda _: None)).model.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"motion_head"}


def test_the_losses_fall(miniature: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(replace(config(miniature, tmp_path / "m.safetensors", 30), learning_rate=5e-3), seen.append)
    assert sum(p.action_loss for p in seen[-5:]) < 0.95 * sum(p.action_loss for p in seen[:5])
    assert sum(p.motion_loss for p in seen[-5:]) < sum(p.motion_loss for p in seen[:5])


def test_the_same_seed_and_step_give_the_same_batch_and_others_another(miniature: Path) -> None:
    maker, again, other = (BatchMaker(miniature, DETECTOR, TrainConfig.normaliser, 3, seed) for seed in (1, 1, 2))
    torch.testing.assert_close(maker.batch(7, 2).joints, again.batch(7, 2).joints, atol=0, rtol=0)
    assert maker.batch(7, 2).joints.shape != other.batch(8, 2).joints.shape or not torch.equal(
        maker.batch(7, 2).joints, other.batch(7, 2).joints
    )


def test_a_perfect_motion_head_would_have_no_loss_where_the_future_is_real(miniature: Path) -> None:
    batch = BatchMaker(miniature, DETECTOR, TrainConfig.normaliser, 3, 1).batch(0, 8)
    assert batch.future.shape[:3] == (8, batch.labels.shape[1], 6)
    assert torch.isfinite(batch.future).all()
    ends = torch.arange(batch.labels.shape[1]) * 7 + 12
    step = (batch.future[:, :, 0] - batch.joints[:, ends]).norm(dim=-1).mean(-1)[batch.future_mask]
    assert step.mean() < 0.2, "the first future frame is near the last seen one, but for its noise"


def test_no_test_subject_is_ever_read_for_training(miniature: Path) -> None:
    for name, sequences in read_ship(miniature, test=False).items():
        assert sequences
        assert not {sequence.subject for sequence in sequences} & TEST_SUBJECTS[name]


def test_missing_data_is_told_of_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"precog16\.npz: no such file; set HITRS_DATA"):
        read_ship(tmp_path, test=False)
