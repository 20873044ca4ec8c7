"""Training on streams of live joints: what is unknown teaches nothing, and each class learns on its own."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from recording_logger import Interrupted, RecordingLogger

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.camera_faults import NO_FAULTS, CameraFaults
from hitrs_live.data.guessed_limbs import GuessedLimbs
from hitrs_live.data.labelled_motion import LabelledMotion, background_motion
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.training.batches_detection import vary_normalised
from hitrs_live.training.batches_streams import ActionBatch, Shares, WindowBatches
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.stream_store import StreamStore
from hitrs_live.training.train_stream_detector import StreamDetectorTraining, action_losses, train_stream_detector
from hitrs_live.training.trainer import Step, TrainerConfig
from hitrs_live.transforms import NormaliserConfig

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=8, causal=True,
)  # fmt: skip
LABELS = ("background", "raise_left", "raise_right", "bow")
OTHER_LABELS = ("background", "bow", "wave", "raise_left")
DETECTOR = DetectorConfig(encoder=ENCODER, classes=len(LABELS), window_clips=4, horizon=6)
EVERYWHERE = Shares(actions=0.0, near_misses=0.0)


def body(frames: int, seed: int = 0) -> LabelledMotion:
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, 0.2, (1, 25, 3)) + np.linspace(-1, 1, 25)[:, None] * [0, 1, 0]
    return background_motion(
        (joints + rng.normal(0, 0.01, (frames, 25, 3))).astype(np.float32), name="one", subject="someone"
    )


def acting(frames: int, label: int, first: int, last: int, seed: int = 0) -> LabelledMotion:
    """A body that stretches one arm out of the way while it acts."""
    motion = body(frames, seed)
    labels, joints = motion.labels.copy(), motion.joints_m.copy()
    labels[first:last] = label
    joints[first:last, 4 + 4 * label] += 2.0
    return replace(motion, labels=labels, joints_m=joints)


def store(**motions: list[LabelledMotion]) -> StreamStore:
    """A store of the sources `exercises`, which label one class, and `synthetic`, which label all."""
    classes = {"exercises": ("background", "raise_left"), "synthetic": LABELS}
    return StreamStore(motions, {name: classes[name] for name in motions}, LABELS)


def batches(
    streams: StreamStore, *, size: int = 16, shares: Shares = EVERYWHERE, faults: CameraFaults = NO_FAULTS
) -> WindowBatches:
    return WindowBatches(
        streams, detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=2, size=size, seed=(0,),
        shares=shares, faults=faults,
    )  # fmt: skip


def test_background_says_nothing_of_classes_that_its_source_does_not_label() -> None:
    batch = batches(store(exercises=[body(300)]))(0)
    assert batch.targets.sum() == 0
    known = batch.weights.amax((0, 1))
    # Mirrored windows are of the other arm, which the source does not label.
    assert known[LABELS.index("raise_left")] == 1
    assert known[LABELS.index("raise_right")] == known[LABELS.index("bow")] == known[BACKGROUND] == 0


def test_who_does_one_action_does_none_of_the_others() -> None:
    batch = batches(store(exercises=[acting(300, 1, 0, 300)]))(0)
    seen = batch.weights.amax(-1) > 0
    assert seen.sum() > 32
    assert (batch.targets[seen].sum(-1) == 1).all()
    assert (batch.weights[seen][..., 1:] > 0).all()


def test_of_classes_that_one_movement_may_show_nothing_is_said() -> None:
    labels = ("background", "lunge", "kneel", "bow")
    lunging = [acting(300, 1, 0, 300)]
    streams = StreamStore({"synthetic": lunging}, {"synthetic": labels}, labels)
    weights = batches(streams)(0).weights
    assert weights[..., 1].sum() == weights[..., 3].sum() > 0
    assert weights[..., 2].sum() == 0


def test_a_class_under_two_names_is_one() -> None:
    raised = acting(300, 1, 0, 300)
    classes = {"one": ("background", "lateral_raise"), "other": ("background", "shoulder_abduction")}
    streams = StreamStore({"one": [raised], "other": [raised]}, classes, ("background", "shoulder_abduction"))
    assert set(streams.class_of.tolist()) == {1}
    assert streams.known.all()


def test_mirrored_windows_are_of_the_other_side() -> None:
    batch = batches(store(exercises=[acting(300, 1, 0, 300)]), size=64)(0)
    sides = batch.targets[:, 0].argmax(-1)
    assert set(sides.tolist()) == {LABELS.index("raise_left"), LABELS.index("raise_right")}


def test_frames_of_unknown_class_teach_nothing() -> None:
    motion = body(300)
    batch = batches(store(synthetic=[replace(motion, labels=np.full(300, IGNORE))]))(0)
    assert batch.weights.sum() == 0


def test_a_stream_shorter_than_a_window_is_lengthened_by_frames_of_unknown_class() -> None:
    batch = batches(store(synthetic=[acting(20, 3, 0, 20)]))(1)
    assert torch.isfinite(batch.joints).all()
    assert batch.weights[:, 0].sum() > 0
    assert batch.weights[:, -1].sum() == 0


def test_the_beginning_of_an_action_weighs_more() -> None:
    streams = store(synthetic=[acting(400, 3, 200, 400)])
    weights = torch.cat([batches(streams, size=64)(number).weights.unique() for number in range(4)]).unique()
    assert weights.tolist() == [0.0, 1.0, 2.0]


def test_windows_are_drawn_around_each_class_alike_and_around_near_misses() -> None:
    rare, usual = acting(400, 1, 390, 400), acting(4000, 3, 0, 4000, seed=1)
    around = batches(store(synthetic=[rare, usual]), size=128, shares=Shares(actions=1.0, near_misses=0.0))(0)
    share = around.targets[..., 1:3].amax((1, 2)).mean()
    assert 0.3 < share < 0.7
    near = replace(body(400), near_miss=np.where(np.arange(400) >= 390, 3, BACKGROUND))
    none = batches(store(synthetic=[near, usual]), size=64, shares=Shares(actions=0.0, near_misses=1.0))(0)
    assert none.targets.sum() == 0


def test_a_hidden_path_moves_the_root_alone() -> None:
    joints = torch.randn(64, 20, 25, 3)
    varied, path, _ = vary_normalised(joints, np.random.default_rng(0))
    hidden = path.abs().amax((1, 2)) > 0
    assert 0 < hidden.sum() < 64
    assert (varied[hidden][:, :, 0] == 0).all()
    torch.testing.assert_close(varied[:, :, 1:].norm(dim=-1), joints[:, :, 1:].norm(dim=-1))


def test_a_batch_is_a_function_of_its_number() -> None:
    make = batches(store(synthetic=[acting(300, 3, 100, 200)]), shares=Shares())
    one, again, other = make(7), make(7), make(8)
    assert torch.equal(one.joints, again.joints)
    assert torch.equal(one.targets, again.targets)
    assert one.joints.shape != other.joints.shape or not torch.equal(one.joints, other.joints)


def test_actions_of_a_limb_that_is_hidden_from_the_camera_are_unknown() -> None:
    streams = store(synthetic=[acting(200, 1, 60, 120)])
    hiding = replace(NO_FAULTS, guessed=GuessedLimbs(share=1.0))
    seen, hidden = batches(streams)(0), batches(streams, faults=hiding)(0)
    assert (hidden.targets * hidden.weights).sum() < 0.8 * (seen.targets * seen.weights).sum()
    assert torch.equal(batches(streams, faults=NO_FAULTS)(0).joints, seen.joints)


def test_what_is_unknown_has_no_gradient_and_the_loss_is_that_of_each_class_alone() -> None:
    logits = torch.tensor([[[5.0, 1.0, -2.0, 3.0]]], requires_grad=True)
    batch = ActionBatch(
        joints=torch.zeros(1, 13, 25, 3), targets=torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]),
        weights=torch.tensor([[[0.0, 2.0, 1.0, 0.0]]]),
    )  # fmt: skip
    losses = action_losses(logits, batch, negative_weight=0.5)
    expected = 2 * np.log1p(np.exp(-1.0)) + 0.5 * np.log1p(np.exp(-2.0))
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-5)
    losses["loss"].backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, [0, 3]].tolist() == [0.0, 0.0]


def config(steps: int) -> StreamDetectorTraining:
    loop = TrainerConfig(
        steps=steps, seed=5, learning_rate=3e-3, warmup_steps=2, average_decay=0.9, workers=0, save_every=3
    )
    return StreamDetectorTraining(detector=DETECTOR, loop=loop, batch=8, shares=Shares(actions=0.7, near_misses=0.0))


def train(
    what: StreamDetectorTraining, streams: StreamStore, out: Path, interrupt_at: int | None = None,
    begin: Checkpoint | None = None,
) -> list[Step]:  # fmt: skip
    logger = RecordingLogger(interrupt_at=interrupt_at)
    with join_processes("cpu") as processes:
        train_stream_detector(what, streams, begin, out, processes, logger)
    return logger.steps


@pytest.fixture
def streams() -> StreamStore:
    return store(synthetic=[acting(400, label, 100, 300, seed=label) for label in (1, 2, 3)])


@pytest.mark.slow
def test_an_interrupted_and_resumed_run_ends_with_the_same_weights(streams: StreamStore, tmp_path: Path) -> None:
    train(config(9), streams, tmp_path / "whole.safetensors")
    with pytest.raises(Interrupted):
        train(config(9), streams, tmp_path / "parts.safetensors", interrupt_at=5)
    steps = train(config(9), streams, tmp_path / "parts.safetensors")
    assert [step.step for step in steps] == list(range(4, 10)), "resumed at the last save"
    one, two = (load_checkpoint(tmp_path / f"{name}.safetensors").model.state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_training_teaches_the_classes_and_the_checkpoint_says_that_they_are_independent(
    streams: StreamStore, tmp_path: Path
) -> None:
    steps = train(config(150), streams, tmp_path / "d.safetensors")
    first, last = (np.mean([step.figures["loss"] for step in some]) for some in (steps[:10], steps[-10:]))
    assert last < 0.5 * first
    assert steps[-1].figures["score_right"] > 2 * steps[-1].figures["score_wrong"]
    info = load_checkpoint(tmp_path / "d.safetensors").info
    assert info.independent
    assert info.labels == LABELS


@pytest.fixture
def earlier(streams: StreamStore, tmp_path: Path) -> Checkpoint:
    """A detector of LABELS."""
    train(config(1), streams, tmp_path / "earlier.safetensors")
    return load_checkpoint(tmp_path / "earlier.safetensors")


@pytest.fixture
def other_streams() -> StreamStore:
    """Streams of OTHER_LABELS."""
    return StreamStore({"synthetic": [acting(400, 1, 100, 300)]}, {"synthetic": OTHER_LABELS}, OTHER_LABELS)


@pytest.mark.slow
def test_a_run_from_an_earlier_detector_keeps_the_classes_of_the_same_name(
    earlier: Checkpoint, other_streams: StreamStore, tmp_path: Path
) -> None:
    still = replace(config(1), loop=replace(config(1).loop, learning_rate=0.0, final_learning_rate=0.0))
    train(still, other_streams, tmp_path / "new.safetensors", begin=earlier)
    new = load_checkpoint(tmp_path / "new.safetensors")
    kept = [(OTHER_LABELS.index(name), LABELS.index(name)) for name in ("background", "bow", "raise_left")]
    for own, old in zip(new.model.action_head.parameters(), earlier.model.action_head.parameters(), strict=True):
        pairs = kept if len(own) == len(OTHER_LABELS) else [(n, n) for n in range(len(own))]
        assert all(torch.allclose(own[n], old[o], atol=2e-3) for n, o in pairs)
    for name, weight in earlier.model.motion_head.state_dict().items():
        assert torch.equal(new.model.motion_head.state_dict()[name], weight)


@pytest.mark.slow
def test_convolutions_stay_beside_a_detector_of_the_same_classes_and_not_of_others(
    earlier: Checkpoint, streams: StreamStore, other_streams: StreamStore, tmp_path: Path
) -> None:
    sizes = ConvolutionsConfig(classes=len(LABELS), width=8, dilations=(1, 2))
    made = {"convolutions made by": "someone"}
    both = Checkpoint(
        info=msgspec.structs.replace(earlier.info, convolutions=sizes, provenance={**earlier.info.provenance, **made}),
        model=earlier.model,
        convolutions=JointConvolutions(sizes),
    )
    train(config(1), streams, tmp_path / "further.safetensors", begin=both)
    further = load_checkpoint(tmp_path / "further.safetensors")
    assert both.convolutions
    assert further.convolutions
    assert further.info.provenance["convolutions made by"] == "someone"
    for name, value in both.convolutions.state_dict().items():
        torch.testing.assert_close(further.convolutions.state_dict()[name], value, atol=1e-3, rtol=0)
    train(config(1), other_streams, tmp_path / "others.safetensors", begin=both)
    assert load_checkpoint(tmp_path / "others.safetensors").convolutions is None
