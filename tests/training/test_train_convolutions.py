"""Training of convolutions beside a detector: Hi-TRS stays, targets belong to their frames, a run can be resumed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recording_logger import Interrupted, RecordingLogger

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.data.labelled_motion import LabelledMotion, background_motion, write_motions
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.training.batches_streams import Shares, WindowBatches
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.stream_store import StreamStore
from hitrs_live.training.train_convolutions import ConvolutionsLearner, ConvolutionsTraining, train_convolutions
from hitrs_live.training.trainer import Step, TrainerConfig
from hitrs_live.transforms import NormaliserConfig

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8, causal=True,
)  # fmt: skip
LABELS = ("background", "raise_left", "raise_right", "bow")
DETECTOR = DetectorConfig(encoder=ENCODER, classes=len(LABELS), window_clips=4, horizon=6)
SIZES = ConvolutionsConfig(classes=len(LABELS), width=16, dilations=(1, 2, 4))


def detector(*, independent: bool = True) -> Checkpoint:
    torch.manual_seed(0)
    info = CheckpointInfo(
        name="small", labels=LABELS, detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=2,
        independent=independent,
    )  # fmt: skip
    return Checkpoint(info=info, model=HitrsDetector(DETECTOR).eval())


def acting(label: int) -> LabelledMotion:
    """A body that stretches one arm out of the way while it acts."""
    rng = np.random.default_rng(label)
    still = rng.normal(0, 0.2, (1, 25, 3)) + np.linspace(-1, 1, 25)[:, None] * [0, 1, 0]
    joints = (still + rng.normal(0, 0.01, (400, 25, 3))).astype(np.float32)
    labels = np.zeros(400, np.int64)
    labels[100:300] = label
    joints[100:300, 4 + 4 * label] += 2.0
    return replace(background_motion(joints, name="one", subject="someone"), labels=labels)


@pytest.fixture
def streams() -> StreamStore:
    return StreamStore({"synthetic": [acting(label) for label in (1, 2, 3)]}, {"synthetic": LABELS}, LABELS)


def train(streams: StreamStore, out: Path, *, steps: int, interrupt_at: int | None = None) -> list[Step]:
    loop = TrainerConfig(
        steps=steps, seed=5, learning_rate=3e-3, warmup_steps=2, average_decay=0.9, workers=0, save_every=3
    )
    config = ConvolutionsTraining(convolutions=SIZES, loop=loop, batch=8, shares=Shares(actions=0.7, near_misses=0.0))
    logger = RecordingLogger(interrupt_at=interrupt_at)
    with join_processes("cpu") as processes:
        train_convolutions(config, streams, detector(), out, processes, logger)
    return logger.steps


@pytest.mark.parametrize("interval", [1, 2, 3])
def test_there_is_a_target_for_each_output_and_it_describes_the_same_instant(
    streams: StreamStore, interval: int
) -> None:
    batches = WindowBatches(
        streams, detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=2, size=4, seed=(0,),
        every_frames=interval,
    )  # fmt: skip
    learner = ConvolutionsLearner(JointConvolutions(replace(SIZES, interval=interval)), ENCODER)
    batch = batches(0)
    with torch.no_grad():
        logits = learner(batch.joints)
        at_every_frame = learner.convolutions(batch.joints)
    assert logits.shape == batch.targets.shape
    torch.testing.assert_close(logits, at_every_frame[:, ENCODER.clip_span - 1 :: interval], atol=1e-5, rtol=0)


@pytest.mark.slow
def test_training_teaches_the_classes_and_leaves_the_detector_as_it_was(streams: StreamStore, tmp_path: Path) -> None:
    steps = train(streams, tmp_path / "d.safetensors", steps=150)
    first, last = (np.mean([step.figures["loss"] for step in some]) for some in (steps[:10], steps[-10:]))
    assert last < 0.5 * first
    trained, before = load_checkpoint(tmp_path / "d.safetensors"), detector()
    save_checkpoint(tmp_path / "before.safetensors", before)
    as_saved = load_checkpoint(tmp_path / "before.safetensors").model.state_dict()
    assert all(torch.equal(value, as_saved[name]) for name, value in trained.model.state_dict().items())
    assert trained.info.convolutions == SIZES
    assert trained.info.provenance["convolutions made by"] == "hitrs-live train-convolutions"


@pytest.mark.slow
def test_an_interrupted_and_resumed_run_ends_with_the_same_convolutions(streams: StreamStore, tmp_path: Path) -> None:
    train(streams, tmp_path / "whole.safetensors", steps=9)
    with pytest.raises(Interrupted):
        train(streams, tmp_path / "parts.safetensors", steps=9, interrupt_at=5)
    train(streams, tmp_path / "parts.safetensors", steps=9)
    one, two = (load_checkpoint(tmp_path / f"{name}.safetensors").convolutions for name in ("whole", "parts"))
    assert one
    assert two
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())


def test_a_training_goes_on_from_convolutions_of_the_same_sizes_and_not_of_others(
    streams: StreamStore, tmp_path: Path
) -> None:
    before = tmp_path / "before.safetensors"
    train(streams, before, steps=3)
    still = TrainerConfig(
        steps=1, seed=9, learning_rate=0.0, final_learning_rate=0.0, warmup_steps=1, average_decay=0.9, workers=0
    )
    for name, begin, sizes in (
        ("same", "before", replace(SIZES, share=0.3)),
        ("wider", "same", replace(SIZES, width=24)),
    ):
        config = ConvolutionsTraining(convolutions=sizes, loop=still, batch=4)
        earlier, out = (tmp_path / f"{one}.safetensors" for one in (begin, name))
        with join_processes("cpu") as processes:
            train_convolutions(config, streams, load_checkpoint(earlier), out, processes, RecordingLogger())
    one, same, wider = (load_checkpoint(tmp_path / f"{name}.safetensors") for name in ("before", "same", "wider"))
    assert one.convolutions
    assert same.convolutions
    assert wider.convolutions
    for name, value in one.convolutions.state_dict().items():
        torch.testing.assert_close(same.convolutions.state_dict()[name], value, atol=1e-3, rtol=0)
    assert same.convolutions.config.share == 0.3
    assert "loop.steps = 3" in same.info.provenance["convolutions before settings"]
    assert not any("before" in key for key in wider.info.provenance)
    assert wider.convolutions.config.width == 24


def test_a_share_of_the_weights_that_a_training_goes_on_from_stays_in_those_that_it_ends_with(
    streams: StreamStore, tmp_path: Path
) -> None:
    before = tmp_path / "before.safetensors"
    train(streams, before, steps=3)
    loop = TrainerConfig(steps=5, seed=9, learning_rate=3e-2, warmup_steps=1, average_decay=0.5, workers=0)
    weights = [load_checkpoint(before).convolutions]
    for keep in (0.0, 0.75):
        config = ConvolutionsTraining(convolutions=SIZES, loop=loop, batch=4, keep=keep)
        out = tmp_path / f"{keep}.safetensors"
        with join_processes("cpu") as processes:
            train_convolutions(config, streams, load_checkpoint(before), out, processes, RecordingLogger())
        weights.append(load_checkpoint(out).convolutions)
    old, new, mixed = (one.state_dict() for one in weights if one)
    assert max(float((new[name] - old[name]).abs().max()) for name in old) > 0.01
    for name in old:
        torch.testing.assert_close(mixed[name], 0.75 * old[name] + 0.25 * new[name], atol=2e-3, rtol=0)


def test_what_is_not_there_cannot_be_kept(streams: StreamStore, tmp_path: Path) -> None:
    loop = TrainerConfig(steps=1, seed=0, learning_rate=1e-3, warmup_steps=1, average_decay=0.5, workers=0)
    config = ConvolutionsTraining(convolutions=SIZES, loop=loop, batch=4, keep=0.5)
    with join_processes("cpu") as processes, pytest.raises(CheckpointMismatch, match="no convolutions of width 16"):
        train_convolutions(config, streams, detector(), tmp_path / "out.safetensors", processes, RecordingLogger())


def test_the_command_trains_beside_a_detector_on_streams(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "begin.safetensors", detector())
    (tmp_path / "streams").mkdir()
    about = {"made by": "hitrs-live bank streams", "source": "synthetic", "licence": "ours", "recipe": {}}
    write_motions(tmp_path / "streams" / "synthetic-001.npz", [acting(1), acting(3)], LABELS, about)
    flags = ["--checkpoint", str(tmp_path / "begin.safetensors"), "--streams", str(tmp_path / "streams")]
    small = ["--steps", "2", "--batch", "2", "--width", "8", "--share", "0.25", "--workers", "0", "--threads", "1"]
    assert main(["train-convolutions", *flags, *small, "--out", str(tmp_path / "out.safetensors")]) == 0
    trained = load_checkpoint(tmp_path / "out.safetensors")
    assert trained.info.convolutions
    assert (trained.info.convolutions.width, trained.info.convolutions.share) == (8, 0.25)


def test_a_detector_with_one_softmax_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(tmp_path / "softmax.safetensors", detector(independent=False))
    flags = ["--checkpoint", str(tmp_path / "softmax.safetensors"), "--streams", str(tmp_path)]
    assert main(["train-convolutions", *flags, "--out", str(tmp_path / "out.safetensors")]) == 2
    error = capsys.readouterr().err.strip()
    assert "one softmax for all classes, expected one with a sigmoid for each" in error
    assert "\n" not in error
