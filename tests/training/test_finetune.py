"""`hitrs-live finetune`: learns, resumes, begins from an encoder or from none, and is measured by the other verb."""

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kept_log import BrokenOff, KeptJournal
from ntu_miniature import act

from hitrs_live.checkpoint import (
    SHIPPED,
    EncoderCheckpoint,
    EncoderInfo,
    load_encoder,
    load_recogniser,
    save_checkpoint,
)
from hitrs_live.cli import main
from hitrs_live.data.augment import AugmentConfig
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.training.batches_recognition import LabelledBatches, VaryConfig
from hitrs_live.training.distributed import Processes
from hitrs_live.training.finetune import FinetuneConfig, finetune
from hitrs_live.training.run_finetune import chosen_steps
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.transforms import NormaliserConfig, mirror

pytestmark = pytest.mark.slow

ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))
ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=16, dropout=0.0,
)  # fmt: skip
LOOP = TrainerConfig(steps=6, learning_rate=3e-3, warmup_steps=1, save_every=3, workers=0, average_decay=0.9)
CONFIG = FinetuneConfig(encoder=ENCODER, loop=LOOP, batch=8)
ACTIONS, PEOPLE = 3, 5


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three actions of five people, three times each, of different lengths."""
    joints, labels, names, subjects = [], [], [], []
    for person in range(PEOPLE):
        for action in range(ACTIONS):
            for time in range(3):
                frames = 20 + 6 * time
                joints.append(act(action + 1, frames, scale=1 + 0.05 * person, phase=0.1 * time))
                labels.append(np.full(frames, action + 1, np.int16))
                names.append(f"p{person}_a{action}_t{time}")
                subjects.append(f"p{person}")
    path = tmp_path_factory.mktemp("actions") / "actions.npz"
    meta = {"labels": {"1": "one", "2": "two", "3": "three"}}
    np.savez(
        path, x=np.concatenate(joints).astype(np.float16), y=np.concatenate(labels),
        length=np.array([len(part) for part in joints]), subject=np.array(subjects), seq=np.array(names),
        meta=np.array(json.dumps(meta)),
    )  # fmt: skip
    return path


def training_half(actions: Path) -> Dataset:
    return open_dataset(actions).with_test_subjects(frozenset({"p3", "p4"})).split()[0].segments()


def test_an_epoch_takes_every_sequence_once_in_another_order_each_time(actions: Path) -> None:
    data = training_half(actions)
    batches = LabelledBatches(
        data, grid=ENCODER, normaliser=NormaliserConfig(), modality="joint", size=9, vary=VaryConfig(), seed=0
    )
    assert batches.an_epoch == 3
    first, second = (torch.cat([batches(3 * epoch + n).labels for n in range(3)]) for epoch in range(2))
    assert first.bincount().tolist() == [9, 9, 9] == second.bincount().tolist()
    assert not torch.equal(first, second)
    again = batches(4)
    assert torch.equal(again.packed.joints, batches(4).packed.joints), "a batch is a function of its number"


def test_processes_share_an_epoch_out(actions: Path) -> None:
    data = training_half(actions)
    shares = [
        LabelledBatches(
            data, grid=ENCODER, normaliser=NormaliserConfig(), modality="joint", size=3, vary=VaryConfig(), seed=0,
            rank=rank, ranks=3,
        )
        for rank in range(3)
    ]  # fmt: skip
    assert [share.an_epoch for share in shares] == [3, 3, 3]
    labels = torch.cat([share(number).labels for share in shares for number in range(3)])
    assert labels.bincount().tolist() == [9, 9, 9]


def test_both_people_of_a_sequence_keep_pace_with_each_other(actions: Path) -> None:
    data = training_half(actions)
    twice = data.only([replace_bodies(sample) for sample in data.samples])
    batches = LabelledBatches(
        twice, grid=ENCODER, normaliser=NormaliserConfig(), modality="joint", size=4, vary=VaryConfig(), seed=0
    )
    batch = batches(0)
    assert batch.sample_of.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    counts = batch.packed.valid_mask.sum(1)
    assert torch.equal(counts[0::2], counts[1::2])


def test_mirrored_sequences_take_the_class_of_the_other_side(actions: Path, tmp_path: Path) -> None:
    archive = dict(np.load(actions))
    archive["meta"] = np.array(json.dumps({"labels": {"1": "kick_left", "2": "kick_right", "3": "wave_left"}}))
    np.savez(tmp_path / "sided.npz", **archive)
    still = AugmentConfig(
        bone_scale=0, bone_turn_deg=0, joint_offset_m=0, tilt_deg=0, depth_scale=(1.0, 1.0), tremble_m=0, drift_m=0,
        depth_drift_m=0, missing_share=0, rate_share=0,
    )  # fmt: skip
    vary = VaryConfig(speed=(1.0, 1.0), crop_share=0.0, camera=still)
    as_is, mirrored = (
        LabelledBatches(
            training_half(tmp_path / "sided.npz"), grid=ENCODER, normaliser=NormaliserConfig(), modality="joint",
            size=27, vary=replace(vary, mirror_share=share), seed=0,
        )(0)
        for share in (0.0, 1.0)
    )  # fmt: skip
    left, right, alone = (as_is.labels == number for number in range(3))
    assert (mirrored.labels[left] == 1).all()
    assert (mirrored.labels[right] == 0).all()
    assert (mirrored.labels[alone] == 2).all(), "nobody waves with the right: these are not mirrored"
    frames = as_is.packed.clip_frames[as_is.packed.valid_mask.sum(1).cumsum(0) - 1, -1]
    for frame, stays in zip(frames, alone, strict=True):
        before = as_is.packed.joints[frame]
        torch.testing.assert_close(
            mirrored.packed.joints[frame], before if stays else mirror(before), atol=1e-4, rtol=0
        )


def replace_bodies(sample):  # type: ignore[no-untyped-def]
    import msgspec

    return msgspec.structs.replace(sample, bodies=sample.bodies * 2)


def test_a_run_broken_off_and_resumed_ends_in_the_same_recogniser(actions: Path, tmp_path: Path) -> None:
    data = training_half(actions)
    whole = finetune(CONFIG, data, None, tmp_path / "whole.safetensors", ALONE, KeptJournal())
    parts = tmp_path / "parts.safetensors"
    with pytest.raises(BrokenOff):
        finetune(CONFIG, data, None, parts, ALONE, KeptJournal(broken_at=5))
    finetune(CONFIG, data, None, parts, ALONE, KeptJournal())
    one, two = (load_recogniser(path).model.state_dict() for path in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_with_the_head_alone_the_encoder_stays_what_it_was(actions: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    info = EncoderInfo(name="begun", encoder=ENCODER, normaliser=NormaliserConfig())
    save_checkpoint(tmp_path / "begin.safetensors", EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    begin = load_encoder(tmp_path / "begin.safetensors")
    out = tmp_path / "out.safetensors"
    finetune(replace(CONFIG, head_only=True), training_half(actions), begin, out, ALONE, KeptJournal())
    before, after = begin.model.state_dict(), load_encoder(out).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
@pytest.mark.parametrize(("readout", "mirror"), [("token", "--no-mirror"), ("max", "--mirror")])
def test_tuned_from_the_command_line_it_names_people_it_never_saw(
    readout: str, mirror: str, actions: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "recogniser.safetensors", tmp_path / "report.json"
    people = ["--data", str(actions), "--test-subjects", "p3,p4"]
    flags = ["--size", "tiny", "--steps", "80", "--readout", readout, mirror,
             "--threads", "1", "--workers", "0"]  # fmt: skip
    assert main(["finetune", *people, *flags, "--out", str(out)]) == 0
    info = load_recogniser(out).info
    assert (info.readout, info.mirror) == (readout, mirror == "--mirror")
    assert main(["evaluate", "recognition", *people, "--checkpoint", str(out), "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert figures["top1"] > 0.8
    assert figures["observed"]["100"] == figures["top1"]
    assert figures["observed"]["10"] <= figures["top1"]


def test_a_share_of_the_labels_is_drawn_and_kept_beside_the_checkpoint(actions: Path, tmp_path: Path) -> None:
    out = tmp_path / "few.safetensors"
    flags = ["--data", str(actions), "--test-subjects", "p3,p4", "--label-share", "0.3", "--seed", "4", "--steps", "1"]
    assert main(["finetune", *flags, "--out", str(out), "--size", "tiny", "--threads", "1"]) == 0
    lines = (tmp_path / "few.labels.txt").read_text().splitlines()
    assert lines[0] == "# share 0.3, seed 4, actions"
    assert len(lines) == 1 + 3 * ACTIONS
    assert not any(name.startswith(("p3", "p4")) for name in lines[1:])


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({"steps": 7}, 7),
        ({"steps": 7, "epochs": 8}, 7),
        ({"epochs": 8}, 24),
        ({}, 300),
    ],
)
def test_asked_steps_and_epochs_are_taken_and_only_the_default_has_a_least(asked: dict[str, int], steps: int) -> None:
    options = argparse.Namespace(**{"steps": None, "epochs": None, "preset": "live", **asked})
    assert chosen_steps(options, an_epoch=3) == steps
    assert chosen_steps(options, an_epoch=100) == {7: 7, 24: 800, 300: 5000}[steps]


def test_two_epochs_of_a_few_sequences_take_two_epochs_of_steps(
    actions: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "short.safetensors"
    flags = ["--data", str(actions), "--test-subjects", "p3,p4", "--epochs", "2", "--batch", "9", "--size", "tiny",
             "--threads", "1", "--workers", "0", "--encoder-rate", "0.5"]  # fmt: skip
    assert main(["finetune", *flags, "--out", str(out)]) == 0
    assert load_recogniser(out).info.provenance["steps"] == "6 of 6"
    shown = capfd.readouterr().out
    assert "6 steps of the optimiser, the first 1 of them warm-up" in shown
    assert "9 sequences per step, 3 steps per epoch, 2 epochs" in shown
    assert "--encoder-rate 0.5: not used, since there is no --checkpoint" in shown
    assert "at least" not in shown
    assert main(["finetune", *flags, "--out", str(out)]) == 0
    assert "this run has taken all its steps" in capfd.readouterr().out


def test_a_batch_larger_than_the_data_is_lowered_and_said(
    actions: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(actions), "--test-subjects", "p3,p4", "--steps", "1", "--epochs", "2", "--batch", "64",
             "--accumulate", "2", "--size", "tiny", "--threads", "1", "--workers", "0"]  # fmt: skip
    assert main(["finetune", *flags, "--out", str(tmp_path / "o.safetensors")]) == 0
    shown = capfd.readouterr().out
    assert "--batch 64: the training half has too few sequences; taking 26 a step" in shown
    assert "--epochs 2: not used, since --steps 1 is given too" in shown


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--split", "xsub"], r"no split .xsub., it has none"),
        (["--test-subjects", "p9"], r"no subject p9"),
        (["--test-subjects", "p3", "--subset", "SUBSET"], r"has no sequence of .two."),
        (["--test-subjects", "p3", "--head-only"], r"--head-only"),
        (["--test-subjects", "p3", "--checkpoint", str(SHIPPED), "--modality", "bone"], r"trained on joints"),
        (["--test-subjects", "p3", "--checkpoint", "COCO"], r"skeleton 'coco17'"),
        (["--test-subjects", "p3", "--batch", "16", "--accumulate", "3"], r"16 does not make 3 equal .* --batch 15"),
        (["--test-subjects", "p3", "--batch", "40", "--accumulate", "40"], r"36 training sequences"),
        (["--test-subjects", "p0,p1,p2,p3,p4"], r"class .one. has no training sequence"),
        (["--test-subjects", "p3", "--data", "ALONE"], r"all 2 training sequences are of one class, .one.;"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    flags: list[str], told: str, actions: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    subset = tmp_path / "subset.txt"
    subset.write_text("p0_a0_t0\np0_a2_t0\n")
    coco = tmp_path / "coco.safetensors"
    info = EncoderInfo(name="x", layout="coco17", encoder=ENCODER, normaliser=NormaliserConfig())
    save_checkpoint(coco, EncoderCheckpoint(info=info, model=HiTRS(ENCODER)))
    alone = tmp_path / "alone.npz"
    np.savez(
        alone, x=np.concatenate([act(1, 20)] * 3).astype(np.float16), y=np.ones(60, np.int16), length=np.full(3, 20),
        subject=np.array(["p0", "p1", "p3"]), seq=np.array(["a", "b", "c"]),
        meta=np.array(json.dumps({"labels": {"1": "one"}})),
    )  # fmt: skip
    flags = [{"SUBSET": str(subset), "COCO": str(coco), "ALONE": str(alone)}.get(flag, flag) for flag in flags]
    out = tmp_path / "out" / "recogniser.safetensors"
    code = main(["finetune", "--data", str(actions), *flags, "--out", str(out), "--steps", "2", "--size", "tiny"])
    lines = capfd.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(lines) == 1
    assert re.search(told, lines[0]), lines[0]
    assert not out.parent.exists()
