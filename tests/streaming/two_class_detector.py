"""Fixture: a small detector of two classes, with random weights."""

import pytest
import torch

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.transforms import NormaliserConfig

GRID = HiTRSConfig(
    frame_width=16, frame_hidden=16, clip_width=24, clip_hidden=16, video_width=32, video_hidden=16, layers=2,
    heads=2, head_width=8, max_clips=8,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=GRID, classes=2, window_clips=4, horizon=6)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    info = CheckpointInfo(
        name="test", labels=("background", "jump"), detector=DETECTOR, normaliser=NormaliserConfig(), label_lag_frames=3
    )
    return Checkpoint(info=info, model=HitrsDetector(DETECTOR).eval())
