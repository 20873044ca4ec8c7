"""Streams and views for tests, written without rendering anything."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from standing_person import standing

from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.virtual_camera.rendered_view import RenderedView

WIDTH, HEIGHT, FOCAL_PX = 640, 480, 554.26
"""A field of view of 60 degrees, which is what the live path assumes."""


def write_archive(path: Path, *, subjects: tuple[str, ...] = ("p1", "p9"), frames: int = 12, classes: int = 2) -> Path:
    """Write a file in the array format: one sequence of each class and subject, who raises an arm."""
    x, y, subject, seq = [], [], [], []
    for person in subjects:
        for label in range(classes):
            joints = standing(frames)
            joints[:, 6, 1] += np.linspace(0, 0.4, frames)
            x.append(joints)
            y.append(np.full(frames, label))
            subject.append(person)
            seq.append(f"{person}/{label}")
    meta = {"licence": "none", "source": "a test", "labels": {"0": "background", "1": "wave"}}
    np.savez(
        path, x=np.concatenate(x).astype(np.float16), y=np.concatenate(y).astype(np.int16),
        length=np.full(len(x), frames, np.int32), subject=np.array(subject), seq=np.array(seq), meta=json.dumps(meta),
    )  # fmt: skip
    return path


def make_landmarks(truth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a perfect pose network would see of joints in the camera's axes: (T, 25, 3) -> (T, 33, 7)."""
    points = np.linalg.pinv(MEDIAPIPE33.weights) @ truth_m
    # The mouth and the eyes are part of no joint.
    points[:, ~MEDIAPIPE33.weights.any(axis=0)] = truth_m[:, 3:4]
    landmarks = np.ones((len(truth_m), 33, 7), np.float32)
    landmarks[..., 0] = 0.5 - FOCAL_PX * points[..., 0] / points[..., 2] / WIDTH
    landmarks[..., 1] = 0.5 - FOCAL_PX * points[..., 1] / points[..., 2] / HEIGHT
    landmarks[..., 2:5] = (points - truth_m[:, :1]) * (-1, -1, 1)
    return landmarks


def make_view(
    *, frames: int = 30, rate_hz: float = 30.0, lost: tuple[int, ...] = (), name: str = "set.a.v0"
) -> RenderedView:
    """Make a view of a person who stands three metres before the camera; class 1 in the second half."""
    truth = standing(frames)
    truth[..., 1] -= 1.0
    truth[..., 2] += 3.0
    truth[:, 6, 1] += np.linspace(0, 0.4, frames)
    kept = [index for index in range(frames) if index not in lost]
    person = np.full(frames, -1)
    person[kept] = np.arange(len(kept))
    instants = int((frames - 1) / rate_hz * 30 + 1e-6) + 1
    labels = (np.arange(frames) >= frames // 2).astype(np.int64)
    return RenderedView(
        name=name, source=name.split(".")[0], sequence="a", subject="p1", landmarks=make_landmarks(truth)[kept],
        frame=np.array(kept, np.int64), rate_hz=rate_hz, width=WIDTH, height=HEIGHT, truth_m=truth.astype(np.float32),
        inside=np.ones((frames, 25), bool), visible=np.ones((frames, 25), bool), person=person,
        azimuth_deg=np.zeros(frames, np.float32), labels=labels,
        grid_labels={"labels": (np.arange(instants) >= instants // 2).astype(np.int64)},
        label_names={0: "background", 1: "wave"}, view="front", focal_px=FOCAL_PX,
    )  # fmt: skip
