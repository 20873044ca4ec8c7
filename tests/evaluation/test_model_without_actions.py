"""A detector that knows no action, or only actions of two, can be measured and tuned like any other."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from replay_files import write_file
from synthetic_actions import move

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.thresholds import load_thresholds
from hitrs_live.transforms import NormaliserConfig

ENCODER = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=12, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8, dropout=0.0, causal=True,
)  # fmt: skip


@pytest.fixture(scope="module", params=[("background",), ("background", "hug")], ids=["no action", "of two"])
def detector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels: tuple[str, ...] = request.param
    torch.manual_seed(0)
    config = DetectorConfig(encoder=ENCODER, classes=len(labels), window_clips=4)
    info = CheckpointInfo(
        name="few", labels=labels, pair_labels=labels[1:], detector=config, normaliser=NormaliserConfig(),
        label_lag_frames=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("few") / "few.safetensors"
    save_checkpoint(path, Checkpoint(info=info, model=HitrsDetector(config)))
    return path


def write_hall(path: Path) -> Path:
    """Four seconds of each of two people, half background and half what no such detector knows."""
    rng = np.random.default_rng(0)
    np.savez(
        path, x=np.concatenate([move(number, 60, rng) for number in (0, 1, 0, 1)]).astype(np.float16),
        y=np.repeat([0, 1, 0, 1], 60), length=np.array([120, 120]), subject=np.array(["a", "b"]),
        seq=np.array(["one", "two"]), meta=np.array(json.dumps({"labels": {"1": "read"}})),
    )  # fmt: skip
    return path


@pytest.mark.slow
def test_its_false_alarms_are_counted_and_it_has_none(detector: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    flags = ["--data", str(write_hall(tmp_path / "hall.npz")), "--checkpoint", str(detector), "--threads", "1"]
    assert main(["evaluate", "detection", *flags, "--unknown-is-background", "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["background_s"] == pytest.approx(8.0)
    assert report["frame_map"] is None
    if len(load_checkpoint(detector).info.labels) == 1:
        assert report["false_alarms"] == 0


@pytest.mark.slow
def test_thresholds_can_be_tuned_for_it(detector: Path, tmp_path: Path) -> None:
    out = tmp_path / "few.toml"
    flags = ["--data", str(write_hall(tmp_path / "hall.npz")), "--checkpoint", str(detector), "--threads", "1"]
    assert main(["tune-thresholds", *flags, "--out", str(out)]) == 0
    assert load_thresholds(out, load_checkpoint(detector)).checkpoint == "few"


@pytest.mark.slow
def test_a_replayed_file_of_one_person_has_no_prediction(detector: Path, tmp_path: Path) -> None:
    (tmp_path / "ntu").mkdir()
    file = write_file(tmp_path / "ntu" / "S001C001P001R001A001.skeleton", 1, 40)
    out = tmp_path / "out.json"
    flags = ["--checkpoint", str(detector), "--engine", "torch", "--json", str(out)]
    assert main(["replay", "--bench", str(tmp_path / "ntu"), *flags]) == 0
    prediction = json.loads(out.read_text())["answers"][str(file)]
    assert prediction["judgements"] > 0
    assert prediction["answer"] is None, "one person alone cannot hug either"
