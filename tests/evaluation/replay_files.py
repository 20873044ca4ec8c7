"""Synthetic NTU files, an untrained detector of their actions, and functions that run them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from synthetic_actions import move

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.config import CameraConfig, Config, PoseConfig, TrackConfig
from hitrs_live.evaluation.batch_replay import FileScores, Replay, TrackedFile
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.sources.ntu import pose_frames
from hitrs_live.sources.ntu_format import NtuBody, parse_skeleton, write_skeleton
from hitrs_live.streaming.recorded_tracks import live_joint_frames, track_histories
from hitrs_live.transforms import NormaliserConfig

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip


def make_detector(path: Path, labels: tuple[str, ...], *, pair_labels: tuple[str, ...] = ()) -> Path:
    """Write an untrained detector whose logits differ between motions."""
    torch.manual_seed(0)
    detector = DetectorConfig(encoder=TINY, classes=len(labels), window_clips=4, horizon=6)
    model = HitrsDetector(detector)
    with torch.no_grad():
        model.action_head[1].weight.normal_()
    info = CheckpointInfo(
        name="made", labels=labels, pair_labels=pair_labels, detector=detector, normaliser=NormaliserConfig(),
        label_lag_frames=3,
    )  # fmt: skip
    save_checkpoint(path, Checkpoint(info=info, model=model))
    return path


def write_file(
    path: Path, number: int, frames: int, *, people: int = 1, apart_m: float = 2.0, others: range | None = None
) -> Path:
    """Write people who move in a class's way; others: frames in which more than the first person is there, or all."""
    rng = np.random.default_rng(number)
    moves = [move(number, frames, rng) + np.array([apart_m * x, 0, 3], np.float32) for x in range(people)]
    ones = np.ones(25, np.float32)
    bodies = [
        tuple(
            NtuBody(body_id=str(100 + x), joints_m=joints[at], confidence=ones)
            for x, joints in enumerate(moves)
            if x == 0 or others is None or at in others
        )
        for at in range(frames)
    ]
    write_skeleton(path, bodies)
    return path


def bench(capsys: pytest.CaptureFixture[str], folder: Path, detector: Path, *flags: str) -> dict[str, Any]:
    """Run the command with torch and read its report."""
    report = folder.parent / "report.json"
    arguments = ["replay", "--bench", str(folder), "--checkpoint", str(detector), "--engine", "torch"]
    assert main([*arguments, "--json", str(report), *flags]) == 0, capsys.readouterr().err
    loaded: dict[str, Any] = json.loads(report.read_text())
    return loaded


def play(path: Path, *, most_people: int = 2) -> TrackedFile:
    """Read and track one file."""
    sequence = parse_skeleton(path)
    joint_frames = tuple(
        live_joint_frames(
            pose_frames(sequence),
            rate_hz=30.0,
            pose=PoseConfig(max_people=most_people),
            track=TrackConfig(),
            camera=CameraConfig(),
        )
    )
    return TrackedFile(
        path=path, frames=len(sequence.frames), joint_frames=joint_frames, people=tuple(track_histories(joint_frames))
    )


def run(detector: Path, files: list[Path], rows: int) -> list[FileScores]:
    checkpoint = load_checkpoint(detector)
    replay = Replay(checkpoint, Config(), TorchEngine(checkpoint.model), rows=rows)
    return replay.run(map(play, files))
