"""`hitrs-live pretrain` end to end: one process and two, broken off and resumed, seen on what it held back."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kept_log import BrokenOff, KeptJournal
from patience import PATIENCE_S

from hitrs_live.checkpoint import load_encoder
from hitrs_live.cli import main
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import open_datasets
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.training.distributed import Processes
from hitrs_live.training.pretrain import LOSSES, PretrainConfig, live, pretrain, published
from hitrs_live.training.training_logger import describe

pytestmark = pytest.mark.slow

ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))
ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=8, max_clips=64, dropout=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def ship(miniature: Path) -> Path:
    return miniature / "ship"


def training_halves(ship: Path) -> list[Dataset]:
    return [data.split()[0] for data in open_datasets([ship])]


def short(config: PretrainConfig, steps: int) -> PretrainConfig:
    loop = replace(config.loop, steps=steps, warmup_steps=2, save_every=2, workers=0)
    return replace(config, loop=loop, batch=6, validate_every=4)


@pytest.mark.parametrize("preset", [live, published])
def test_a_run_broken_off_and_resumed_ends_in_the_same_encoder(ship: Path, tmp_path: Path, preset: type) -> None:
    config, data = short(preset(ENCODER), 6), training_halves(ship)
    whole = pretrain(config, data, tmp_path / "whole.safetensors", ALONE, KeptJournal())
    parts = tmp_path / "parts.safetensors"
    with pytest.raises(BrokenOff):
        pretrain(config, data, parts, ALONE, KeptJournal(broken_at=5))
    torch.manual_seed(99)
    rest = KeptJournal()
    pretrain(config, data, parts, ALONE, rest)
    assert [step.step for step in rest.steps] == [5, 6], "resumed at the last save"
    one, two = (load_encoder(path).model.state_dict() for path in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_every_loss_is_reported_on_what_was_held_back_the_same_batches_each_time(ship: Path, tmp_path: Path) -> None:
    config = short(replace(live(ENCODER), modality="bone"), 4)
    still = replace(config, loop=replace(config.loop, learning_rate=0.0, final_learning_rate=0.0), validate_every=2)
    logger = KeptJournal()
    out = pretrain(still, training_halves(ship), tmp_path / "encoder.safetensors", ALONE, logger)
    assert set(LOSSES) < set(logger.validations[0])
    assert logger.validations[0] == logger.validations[1], "with weights that do not move, the same figures"
    assert load_encoder(out).info.modality == "bone"


def test_pre_training_learns_to_place_hidden_joints(ship: Path, tmp_path: Path) -> None:
    config = short(live(ENCODER), 60)
    config = replace(config, loop=replace(config.loop, learning_rate=3e-3), batch=12)
    logger = KeptJournal()
    pretrain(config, training_halves(ship), tmp_path / "encoder.safetensors", ALONE, logger)
    losses = [step.figures["joint"] for step in logger.steps]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_a_loss_is_shown_with_the_share_told_right() -> None:
    figures = {"loss": 2.0, "joint": 0.25, "motion": 0.5, "motion_right": 0.75}
    assert describe(figures) == "loss 2.000, joint 0.250, motion 0.500 (75% right)"


def test_no_test_subject_is_looked_at(ship: Path) -> None:
    subjects = {sample.subject for data in training_halves(ship) for sample in data.samples}
    assert subjects == {"p1", "s01", "02", "13"}


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program on two processes of this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
        env=environment,
    )


@pytest.mark.slow
def test_the_contrastive_loss_of_two_processes_is_that_of_one_with_both_batches() -> None:
    ended = torchrun(Path(__file__).parent / "ranks_program.py")
    figures = json.loads(ended.stdout.strip().splitlines()[-1])
    assert figures["summed"] == pytest.approx(figures["whole"], rel=1e-5)
    assert figures["gradient_difference"] < 1e-6


@pytest.mark.slow
def test_two_processes_pre_train_together_and_one_writes(ship: Path, tmp_path: Path) -> None:
    out = tmp_path / "encoder.safetensors"
    flags = ("--data", ship, "--out", out, "--size", "tiny", "--batch", 4, "--device", "cpu", "--threads", 1)
    ended = torchrun("-m", "hitrs_live.cli", "pretrain", *flags, "--steps", 2, "--accumulate", 2)
    assert ended.stdout.count("wrote") == 1
    assert "processes = 2" in torch.load(out.with_suffix(".state.pt"), weights_only=True)["settings"]
    assert load_encoder(out).info.encoder.causal


@pytest.mark.slow
def test_tensorboard_scalars_are_written_on_demand(ship: Path, tmp_path: Path) -> None:
    flags = ["--data", str(ship), "--size", "tiny", "--batch", "4", "--threads", "1", "--workers", "0"]
    out = tmp_path / "encoder.safetensors"
    assert main(["pretrain", *flags, "--steps", "20", "--out", str(out), "--tensorboard", str(tmp_path / "tb")]) == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars = EventAccumulator(str(tmp_path / "tb"))
    scalars.Reload()
    assert {"training/next", "validation/joint"} <= set(scalars.Tags()["scalars"])


def write_array_file(path: Path, joints: np.ndarray, **changes: object) -> Path:
    keys = {
        "x": joints, "y": np.ones(len(joints), np.int16), "length": np.array([len(joints)]),
        "subject": np.array(["s1"]), "seq": np.array(["one"]), "meta": np.array(json.dumps({"labels": {"1": "walk"}})),
    }  # fmt: skip
    np.savez(path, **{**keys, **changes})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("other skeleton", r"17, 3"),
        ("not finite", r"not finite|nan|NaN"),
        ("other rate", r"15 frames a second, expected 30"),
        ("nothing there", r"no\.npz"),
        ("no steps", r"--steps: got 0"),
        ("one a batch", r"batch of 1 does not make one part of at least 2; .*--batch 2"),
    ],
)
def test_bad_input_is_one_line_that_names_the_file_and_leaves_nothing_behind(
    case: str, told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = np.random.default_rng(0).normal(0, 1, (40, 25, 3)).astype(np.float32)
    broken = good.copy()
    broken[:, 3:20] = np.nan
    data = tmp_path / "data.npz"
    if case == "other skeleton":
        write_array_file(data, good[:, :17])
    elif case == "not finite":
        write_array_file(data, broken)
    elif case == "other rate":
        write_array_file(data, good, meta=np.array(json.dumps({"labels": {"1": "walk"}, "rate_hz": 15})))
    elif case == "nothing there":
        data = tmp_path / "no.npz"
    else:
        write_array_file(data, good)
    steps = "0" if case == "no steps" else "2"
    out = tmp_path / "out" / "encoder.safetensors"
    batch = ["--batch", "1"] if case == "one a batch" else []
    code = main(["pretrain", "--data", str(data), "--out", str(out), "--size", "tiny", "--steps", steps, *batch])
    captured = capfd.readouterr()
    assert code == 2
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1
    import re

    assert re.search(told, lines[0]), lines[0]
    assert not out.parent.exists()


def test_what_a_run_does_besides_what_was_asked_for_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    joints = np.random.default_rng(0).normal(0, 1, (80, 25, 3)).astype(np.float32)
    data = write_array_file(tmp_path / "data.npz", joints)
    flags = ["--size", "tiny", "--steps", "1", "--batch", "2", "--workers", "0", "--threads", "1", "--split", "xsub"]
    assert main(["pretrain", "--data", str(data), "--out", str(tmp_path / "o.safetensors"), *flags]) == 0
    shown = capfd.readouterr().out
    assert f"--split xsub: no split in {data}; training on all sequences" in shown
    assert "1 steps of the optimiser, the first 0 of them warm-up" in shown
