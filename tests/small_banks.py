"""Banks of a few seconds, of the small detector's tokens."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.labelled_motion import LabelledMotion, background_motion
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.negative_bank.bank_format import BUILT, BankInfo, part_name, write_bank_info
from hitrs_live.negative_bank.encoded_part import LiveMotion, write_part
from hitrs_live.negative_bank.encoder import BankEncoder, describe_encoder

CLASSES = ("background", "punch_left", "punch_right")


def bank_encoder(checkpoint: Checkpoint) -> BankEncoder:
    """Return the encoder of a detector in memory."""
    info = checkpoint.info
    return BankEncoder(
        steps=TorchEngine(checkpoint.model),
        description=describe_encoder(
            info.name, checkpoint.model.encoder, info.normaliser, window_clips=info.detector.window_clips,
            label_lag_frames=info.label_lag_frames,
        ),
    )  # fmt: skip


def moving_body(frames: int, seed: int, *, name: str = "one") -> LabelledMotion:
    """Return an upright body that moves at random, all background."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 0.3, (1, 25, 3))
    body[..., 1] += np.linspace(-1, 1, 25)
    path = np.cumsum(rng.normal(0, 0.01, (frames, 25, 3)), axis=0)
    return background_motion((body + path).astype(np.float32), name=name, subject="someone")


def with_punch(motion: LabelledMotion, first: int, last: int) -> LabelledMotion:
    """Label some frames as a left punch."""
    labels, onset_mask = motion.labels.copy(), motion.onset_mask.copy()
    labels[first:last], onset_mask[first] = 1, True
    return replace(motion, labels=labels, onset_mask=onset_mask)


def write_bank(
    folder: Path,
    encoder: BankEncoder,
    parts: Sequence[Sequence[LabelledMotion]],
    *,
    step_frames: int = 7,
    views: int = 2,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """Write a bank with these parts, each of a source of its own."""
    info = BankInfo(encoder=encoder.description, step_frames=step_frames, views=views)
    write_bank_info(folder, info)
    for number, motions in enumerate(parts, start=1):
        write_part(
            folder, part_name(BUILT, number), (LiveMotion(motion=one, lost=0.0) for one in motions), encoder, info,
            source=f"source {number}", classes=classes, licence="ours",
        )  # fmt: skip
    return folder
