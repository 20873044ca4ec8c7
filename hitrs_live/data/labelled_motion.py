"""Keep synthetic motion with what is known of every frame: class, phase, repetition, onset, near miss.

The file is the array format (array_format.py) with four more arrays, so every reader of data sets reads it too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, load_archive
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]
_FRAME_LABELS = ("phase", "repetition", "onset", "near_miss")
RATE_HZ: Final = 30
"""Frames per second of every labelled motion, which is the rate of the models."""


@dataclass(frozen=True, kw_only=True)
class LabelledMotion:
    """Joints of one person over T frames at 30 Hz, and what the person does in each frame."""

    name: str
    subject: str
    """Name of the body; motions of one body share its proportions."""
    joints_m: Floats
    """(T, 25, 3), metres, y up; the floor is at y = 0."""
    labels: NDArray[np.int64]
    """(T,); class of each frame, BACKGROUND where none of them is done."""
    phase: Floats
    """(T,); progress of the repetition from 0 to 1, NaN in background."""
    repetition: NDArray[np.int64]
    """(T,); number of the repetition within its series, from 1; 0 in background."""
    onset_mask: NDArray[np.bool_]
    """(T,); True in the first frame of an action: of a repetition where they are distinct, else of the bout."""
    near_miss: NDArray[np.int64]
    """(T,); the class that a background frame nearly is, such as squat for half a squat; BACKGROUND for none."""

    def __post_init__(self) -> None:
        frames = len(self.joints_m)
        if self.joints_m.shape != (frames, len(NTU25), 3):
            raise ValueError(f"joints_m has shape {self.joints_m.shape}, expected (T, {len(NTU25)}, 3)")
        for key in _BY_FRAME[1:]:
            if (shape := getattr(self, key).shape) != (frames,):
                raise ValueError(f"{key} has shape {shape}, expected ({frames},) as joints_m has {frames} frames")

    def __len__(self) -> int:
        return len(self.joints_m)

    def at(self, frames: slice | NDArray[np.integer]) -> "LabelledMotion":
        """Return the motion at chosen frames."""
        chosen: dict[str, Any] = {name: getattr(self, name)[frames] for name in _BY_FRAME}
        return replace(self, **chosen)


_BY_FRAME: Final = ("joints_m", "labels", "phase", "repetition", "onset_mask", "near_miss")


def concatenate(motions: Sequence[LabelledMotion]) -> LabelledMotion:
    """Put motions of one body one after the other, under the name of the first."""
    joined: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in motions]) for name in _BY_FRAME}
    return replace(motions[0], **joined)


def background_motion(joints_m: Floats, *, name: str, subject: str, near_miss: int = BACKGROUND) -> LabelledMotion:
    """Label all frames as background. joints_m: (T, 25, 3), metres; near_miss: the class that all of it nearly is."""
    frames = len(joints_m)
    return LabelledMotion(
        name=name,
        subject=subject,
        joints_m=joints_m.astype(np.float32),
        labels=np.full(frames, BACKGROUND, np.int64),
        phase=np.full(frames, np.nan, np.float32),
        repetition=np.zeros(frames, np.int64),
        onset_mask=np.zeros(frames, bool),
        near_miss=np.full(frames, near_miss, np.int64),
    )


def write_motions(path: Path, motions: Sequence[LabelledMotion], classes: Sequence[str], meta: dict[str, Any]) -> None:
    """Write motions to one file, whole or not at all. Joints are rounded to half precision.

    classes: the name of each class by number, "background" first; meta: further facts, such as seed and source.
    """
    arrays: dict[str, Any] = {
        "x": np.concatenate([one.joints_m for one in motions]).astype(np.float16),
        "y": np.concatenate([one.labels for one in motions]).astype(np.int16),
        "length": np.array([len(one) for one in motions], np.int32),
        "subject": np.array([one.subject for one in motions]),
        "seq": np.array([one.name for one in motions]),
        "phase": np.concatenate([one.phase for one in motions]).astype(np.float16),
        "repetition": np.concatenate([one.repetition for one in motions]).astype(np.int32),
        "onset": np.concatenate([one.onset_mask for one in motions]),
        "near_miss": np.concatenate([one.near_miss for one in motions]).astype(np.int16),
        "meta": json.dumps({**meta, "labels": dict(enumerate(classes)), "valid": [True] * len(NTU25)}),
    }
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_motions(path: Path) -> tuple[list[LabelledMotion], tuple[str, ...]]:
    """Read what `write_motions` wrote. Returns the motions and the classes' names by number.

    Raises DataError where the file is damaged or lacks a label of the frames.
    """
    archive = load_archive(path)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if missing := [key for key in _FRAME_LABELS if key not in arrays]:
            raise DataError(f"{path}: no {', '.join(missing)}; expected a file of `hitrs-live synthesise`")
        labels = {key: arrays[key] for key in _FRAME_LABELS}
    frames = len(archive.joints)
    if wrong := [key for key, values in labels.items() if values.shape != (frames,)]:
        raise DataError(f"{path}: {', '.join(wrong)} not of the {frames} frames of x; expected one value for each")
    motions = []
    ends = np.cumsum(archive.lengths)
    for start, end, name, subject in zip(ends - archive.lengths, ends, archive.names, archive.subjects, strict=True):
        span = slice(start, end)
        motions.append(
            LabelledMotion(
                name=name,
                subject=subject,
                joints_m=archive.joints[span].astype(np.float32),
                labels=archive.labels[span].astype(np.int64),
                phase=labels["phase"][span].astype(np.float32),
                repetition=labels["repetition"][span].astype(np.int64),
                onset_mask=labels["onset"][span].astype(bool),
                near_miss=labels["near_miss"][span].astype(np.int64),
            )
        )
    classes = tuple(archive.label_names[number] for number in sorted(archive.label_names))
    return motions, classes
