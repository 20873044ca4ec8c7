"""Fixtures: a small detector in a file, and the engines that are built of it, once for all tests."""

from pathlib import Path

import pytest
import torch

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.inference.build import open_onnx
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.transforms import NormaliserConfig

GRID = HiTRSConfig(
    frame_width=16, frame_hidden=16, clip_width=24, clip_hidden=16, video_width=32, video_hidden=16, layers=2,
    heads=2, head_width=8, max_clips=8, dropout=0.0,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=GRID, classes=5, window_clips=4, horizon=6)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for all tests of engines."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def secret_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's secret, and its cache, out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Write a detector whose every part affects its outputs to a file."""
    torch.manual_seed(0)
    model = HitrsDetector(DETECTOR)
    with torch.no_grad():
        for parameter in model.motion_head.parameters():
            parameter.normal_(std=0.05)
        model.action_head[1].weight.normal_()
    info = CheckpointInfo(
        name="small", labels=tuple("abcde"), detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=3
    )
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save_checkpoint(path, Checkpoint(info=info, model=model))
    return load_checkpoint(path)


@pytest.fixture(scope="session")
def engines(checkpoint: Checkpoint, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build ONNX Runtime's engines in fp32 and int8; returns their folder."""
    pytest.importorskip("onnxscript", reason="graphs are built with the extra `export`, which is not installed")
    folder = tmp_path_factory.mktemp("engines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        open_onnx(checkpoint, "int8", folder)
    return folder
