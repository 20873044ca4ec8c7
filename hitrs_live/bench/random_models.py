"""Create models of the known sizes with random weights, to measure speed, which does not depend on the weights."""

from dataclasses import replace
from pathlib import Path

import torch

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import SIZES
from hitrs_live.transforms import NormaliserConfig

_CLASSES = 27


def make_checkpoint(size: str, folder: Path) -> Checkpoint:
    """Create a detector of a size, with a window of 20 clips.

    It is saved in a folder and loaded from there, since engines are built from a checkpoint file.
    """
    config = DetectorConfig(encoder=replace(SIZES[size], dropout=0.0), classes=_CLASSES)
    torch.manual_seed(0)
    model = HitrsDetector(config).eval()
    info = CheckpointInfo(
        name=f"hitrs_{size}",
        labels=tuple(f"class {number}" for number in range(_CLASSES)),
        detector=config,
        normaliser=NormaliserConfig(),
        label_lag_frames=0,
    )
    path = folder / f"hitrs_{size}.safetensors"
    save_checkpoint(path, Checkpoint(info=info, model=model))
    return load_checkpoint(path)
