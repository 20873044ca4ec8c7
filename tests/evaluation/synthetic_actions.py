"""Synthetic actions of a few people, and tiny checkpoints to measure on them."""

import json
from pathlib import Path

import numpy as np
import torch

from hitrs_live.checkpoint import (
    EncoderCheckpoint,
    EncoderInfo,
    RecogniserCheckpoint,
    RecogniserInfo,
    save_checkpoint,
)
from hitrs_live.data.dataset import Body, Dataset, Index, Sample
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.recogniser import Readout, Recogniser, RecogniserConfig
from hitrs_live.transforms import NormaliserConfig

GRID = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=12, clip_hidden=8, video_width=16, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=4,
)  # fmt: skip
CLASSES = ("bow", "jump", "turn", "wave")


def move(number: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Generate a body that leans and swings in a class's own way. Returns (frames, 25, 3) float32, metres."""
    body = np.random.default_rng(0).normal(0, 0.15, (25, 3)) + np.linspace(0, 1.5, 25)[:, None] * [0, 1, 0]
    way = np.random.default_rng(100 + number).normal(0, 0.2, (25, 3))
    swing = 1 + 0.5 * np.sin(np.linspace(0, 2 * np.pi, frames))[:, None, None]
    return (body + swing * way + rng.normal(0, 0.01, (frames, 25, 3))).astype(np.float32)


def two_people(*, classes: int = 4, each: int = 3, background: int | None = None, seed: int = 0) -> Dataset:
    """Generate short and long sequences of every class but background, some with a second body that appears late."""
    rng = np.random.default_rng(seed)
    joints, labels, samples, row = [], [], [], 0
    for number in range(classes):
        if number == background:
            continue
        for turn in range(each):
            frames = int(rng.choice([1, 6, 20, 33, 70]))
            spans = [(0, frames)] + ([(frames // 3, frames - frames // 3)] if turn % 2 else [])
            bodies = []
            for first_frame, length in spans:
                joints.append(move(number, length, rng))
                labels.append(np.full(length, number, np.int16))
                bodies.append(Body(row, length, first_frame))
                row += length
            test_of = ("half",) if turn == 0 else ()
            samples.append(Sample(name=f"s{number}_{turn}", subject=f"p{turn}", bodies=tuple(bodies), test_of=test_of))
    names = tuple(CLASSES[:classes])
    index = Index(name="made", source="", labels=names, background=background, splits=("half",), samples=tuple(samples))
    return Dataset(path=Path("made"), index=index, joints=np.concatenate(joints), labels=np.concatenate(labels))


def write_npz(path: Path, *, each: int = 4, broken: bool = False) -> Path:
    """Write the four classes of people p0, p1, ... in the array format, one sequence a class and person."""
    rng = np.random.default_rng(1)
    parts = [(number, person, int(rng.integers(15, 40))) for person in range(each) for number in range(4)]
    joints = np.concatenate([move(number, frames, rng) for number, _, frames in parts])
    if broken:
        joints[:, 3:20] = np.nan
    np.savez(
        path,
        x=joints.astype(np.float16),
        y=np.concatenate([np.full(frames, number + 1, np.int16) for number, _, frames in parts]),
        length=np.array([frames for *_, frames in parts], np.int32),
        subject=np.array([f"p{person}" for _, person, _ in parts]),
        seq=np.array([f"p{person}_{CLASSES[number]}" for number, person, _ in parts]),
        meta=np.array(json.dumps({"labels": dict(enumerate(CLASSES, start=1)), "valid": [True] * 25})),
    )
    return path


def save_recogniser(
    path: Path,
    *,
    labels: tuple[str, ...] = CLASSES,
    modality: str = "joint",
    seed: int = 0,
    readout: Readout = "token",
) -> Path:
    """Save an untrained recogniser."""
    torch.manual_seed(seed)
    info = RecogniserInfo(
        name="tiny", encoder=GRID, normaliser=NormaliserConfig(), modality=modality, labels=labels, readout=readout
    )
    model = Recogniser(RecogniserConfig(encoder=GRID, classes=len(labels), readout=readout))
    save_checkpoint(path, RecogniserCheckpoint(info=info, model=model))
    return path


def save_encoder(path: Path) -> Path:
    """Save an untrained encoder."""
    torch.manual_seed(0)
    info = EncoderInfo(name="tiny encoder", encoder=GRID, normaliser=NormaliserConfig())
    save_checkpoint(path, EncoderCheckpoint(info=info, model=HiTRS(GRID)))
    return path
