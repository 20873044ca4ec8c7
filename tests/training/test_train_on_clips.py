"""Training the video level and the head on clips of banks: what was encoded once is enough."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from recording_logger import Interrupted, RecordingLogger
from small_banks import CLASSES, bank_encoder, moving_body, with_punch, write_bank
from small_detector import cache as cache
from small_detector import checkpoint as checkpoint
from small_detector import secret_of_its_own as secret_of_its_own

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.cli import main
from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.errors import CheckpointMismatch, DataError
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.training.batches_clips import ClipBatches, ClipShares
from hitrs_live.training.clip_store import ClipStore, read_clip_store
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.train_clip_detector import ClipDetectorTraining, hardest_clips, train_clip_detector
from hitrs_live.training.trainer import Step, TrainerConfig

EVERYWHERE = ClipShares(actions=0.0, near_misses=0.0, hard=0.0, spliced=0.0)


def punches(count: int = 3) -> list[LabelledMotion]:
    """Bodies whose left arm is far from them while they punch."""
    motions = []
    for seed in range(count):
        motion = with_punch(moving_body(150, seed), 60, 110)
        motion.joints_m[60:110, 4:8] += [0.0, 1.0, 3.0]
        motions.append(motion)
    return motions


def store_of(checkpoint: Checkpoint, folder: Path, *motions: LabelledMotion, views: int = 2) -> ClipStore:
    encoder = bank_encoder(checkpoint)
    write_bank(folder, encoder, [list(motions)], views=views)
    return read_clip_store([folder], encoder.description)


def batches(store: ClipStore, *, size: int = 32, clips: int = 6, shares: ClipShares = EVERYWHERE) -> ClipBatches:
    return ClipBatches(store, window_clips=clips, size=size, seed=(0,), shares=shares)


def test_a_window_is_of_one_stream_and_what_lies_past_its_end_counts_nothing(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    short, long = moving_body(30, 1), moving_body(150, 2)
    store = store_of(checkpoint, tmp_path, short, long, views=1)
    counts = {int(end - first) for first, end in zip(store.first, store.end, strict=True)}
    assert min(counts) < 6 < max(counts)
    batch = batches(store, size=64)(0)
    seen = {window[0].numpy().tobytes(): window for window in batch.clips}
    for begin, window in seen.items():
        first = next(row for row in range(len(store)) if store.tokens[row, 0].astype(np.float32).tobytes() == begin)
        length = min(6, int(store.end[first]) - first)
        expected = store.tokens[first : first + length, 0].astype(np.float32)
        assert np.array_equal(window[:length].numpy(), expected)
    of_short = batch.weights[:, -1].amax(-1) == 0
    assert 0 < of_short.sum() < 64


def test_mirrored_windows_are_of_the_other_side(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = store_of(checkpoint, tmp_path, with_punch(moving_body(150, 0), 0, 150))
    done = batches(store, size=64)(0).targets.amax((0, 1))
    assert done[CLASSES.index("punch_left")] == done[CLASSES.index("punch_right")] == 1


def test_a_batch_is_a_function_of_its_number_and_of_the_hard_clips(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = store_of(checkpoint, tmp_path, *punches())
    shares = ClipShares(actions=0.0, near_misses=0.0, hard=1.0, spliced=0.0)
    one, again = batches(store, shares=shares), batches(store, shares=shares)
    assert torch.equal(one(3).clips, again(3).clips)
    again.hard = np.array([2])
    centred = again(3)
    assert not torch.equal(one(3).clips, centred.clips)
    hard = {store.tokens[2, view].astype(np.float32).tobytes() for view in (0, 1)}
    assert all(hard & {clip.numpy().tobytes() for clip in window} for window in centred.clips)


def test_a_spliced_window_has_another_ones_beginning_and_its_targets(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = store_of(checkpoint, tmp_path, *punches(), views=1)
    whole = batches(store)(0)
    spliced = batches(store, shares=replace(EVERYWHERE, spliced=1.0))(0)
    last = len(whole.clips[0]) - 1
    assert torch.equal(spliced.clips[:, last], whole.clips[:, last])
    changed = 0
    for clips, targets, own in zip(spliced.clips, spliced.targets, whole.clips, strict=True):
        other = next(n for n, window in enumerate(whole.clips) if torch.equal(window[0], clips[0]))
        assert torch.equal(targets[0], whole.targets[other, 0])
        changed += not torch.equal(own[0], clips[0])
    assert changed > len(whole.clips) / 2


class _Always(torch.nn.Module):
    """Scores every class alike, whatever the clip."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(*clips.shape[:2], -1)


class _RisesWithHistory(torch.nn.Module):
    """Scores the first action by how many clips of the window come before, whatever they show."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        rising = torch.arange(clips.shape[1]).expand(clips.shape[:2]).float() - 5.0
        return torch.stack((torch.zeros_like(rising), rising, torch.full_like(rising, -9.0)), dim=-1)


def test_the_hardest_clips_are_background_with_a_high_score_and_never_actions_or_unknown(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    unknown = replace(moving_body(150, 5), labels=np.full(150, IGNORE))
    store = store_of(checkpoint, tmp_path, *punches(2), unknown)
    everything = hardest_clips(_Always([0.0, 5.0, -5.0]), store, 6, 1.0)
    assert everything.tolist() == np.flatnonzero(store.class_of == BACKGROUND).tolist()
    assert len(hardest_clips(_Always([0.0, 5.0, -5.0]), store, 6, 0.1)) == round(0.1 * len(store))


def test_a_clip_is_as_hard_as_its_score_with_the_longer_history(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = store_of(checkpoint, tmp_path, moving_body(150, 1), views=1)
    quiet = hardest_clips(_RisesWithHistory(), store, 6, 3 / len(store))
    # Windows of six begin at every third clip: only the first three clips have less than three before them.
    assert quiet.min() >= 3


def test_banks_with_a_row_at_every_frame_or_of_another_encoder_are_refused(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    encoder = bank_encoder(checkpoint)
    write_bank(tmp_path / "frame", encoder, [punches(1)], step_frames=1)
    with pytest.raises(DataError, match="--update clip"):
        read_clip_store([tmp_path / "frame"], encoder.description)
    write_bank(tmp_path / "clip", encoder, [punches(1)])
    torch.manual_seed(1)
    other = Checkpoint(info=checkpoint.info, model=HitrsDetector(checkpoint.info.detector).eval())
    with pytest.raises(CheckpointMismatch, match="build a bank for this one"):
        read_clip_store([tmp_path / "clip"], bank_encoder(other).description)


def config(checkpoint: Checkpoint, steps: int) -> ClipDetectorTraining:
    loop = TrainerConfig(
        steps=steps, seed=5, learning_rate=1e-2, warmup_steps=2, average_decay=0.9, workers=0, save_every=3
    )
    detector = replace(checkpoint.info.detector, classes=len(CLASSES), window_clips=6)
    return ClipDetectorTraining(
        detector=detector, normaliser=checkpoint.info.normaliser, loop=loop, batch=16, choose_every=4
    )


def train(
    checkpoint: Checkpoint, store: ClipStore, out: Path, steps: int, interrupt_at: int | None = None
) -> list[Step]:
    logger = RecordingLogger(interrupt_at=interrupt_at)
    with join_processes("cpu") as processes:
        train_clip_detector(config(checkpoint, steps), store, checkpoint, out, processes, logger)
    return logger.steps


@pytest.mark.slow
def test_training_teaches_the_classes_and_leaves_the_frame_and_clip_levels_as_they_are(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    store = store_of(checkpoint, tmp_path / "bank", *punches(), views=1)
    info = msgspec.structs.replace(checkpoint.info, provenance={"data": "recordings"})
    begin = msgspec.structs.replace(checkpoint, info=info)
    steps = train(begin, store, tmp_path / "d.safetensors", 300)
    first, last = (np.mean([step.figures["loss"] for step in some]) for some in (steps[:10], steps[-10:]))
    assert last < 0.5 * first
    trained = load_checkpoint(tmp_path / "d.safetensors")
    assert trained.info.independent
    assert trained.info.labels == CLASSES
    assert trained.info.provenance["clips data"] == "recordings"
    before, after = (encoder_fingerprint(one.model.encoder, one.info.normaliser) for one in (checkpoint, trained))
    assert before == after


@pytest.mark.slow
def test_an_interrupted_and_resumed_run_ends_with_the_same_weights(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = store_of(checkpoint, tmp_path / "bank", *punches())
    train(checkpoint, store, tmp_path / "whole.safetensors", 9)
    with pytest.raises(Interrupted):
        train(checkpoint, store, tmp_path / "parts.safetensors", 9, interrupt_at=8)
    train(checkpoint, store, tmp_path / "parts.safetensors", 9)
    one, two = (load_checkpoint(tmp_path / f"{name}.safetensors").model.state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_bank_and_streams_together_are_refused_rather_than_one_of_them_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--bank", str(tmp_path), "--streams", str(tmp_path)]
    assert main(["train-detector", *given, "--checkpoint", "hitrs_tiny"]) == 2
    assert "--streams and --bank" in capsys.readouterr().err


def test_faults_of_cameras_without_streams_are_refused_rather_than_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train-detector", "--bank", str(tmp_path), "--camera-faults", "1"]) == 2
    assert "--camera-faults: needs --streams" in capsys.readouterr().err
