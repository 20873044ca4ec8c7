"""Cut real and synthetic motion into single repetitions of the shared classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.dataset import Dataset, Sample
from hitrs_live.data.formats.ui_prmd import trim_rest
from hitrs_live.data.labelled_motion import LabelledMotion, read_motions
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.protocols import has_single_repetitions
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.evaluation.metrics.joint_angles import column, joint_angles
from hitrs_live.evaluation.synthesis.segmentation import find_cycles
from hitrs_live.evaluation.synthesis.shared_classes import (
    REAL_SOURCES,
    REPEATED_RECORDINGS,
    WINDOWED,
    has_bouts,
    shared_class,
    synthetic_classes,
)

SYNTHETIC: Final = "synthetic"
_WINDOW = 45
_LEAST_FRAMES = 8
_LONGEST = 600
"""Frames of the longest repetition, 20 s: a longer run of one label is no repetition."""
_INCORRECT = "_inc"
_BEFORE_FLIGHT, _AFTER_FLIGHT = 30, 24
"""Frames from the crouch before a jump to its top, and from there to standing."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One repetition of an action, or a window of a stride's class. T frames at 30 Hz."""

    label: str
    """A shared class."""
    source: str
    subject: str
    name: str
    joints_m: NDArray[np.float32]
    """(T, 25, 3), metres, y up."""

    def __len__(self) -> int:
        return len(self.joints_m)


def read_real(folder: Path) -> list[Repetition]:
    """Read the repetitions of all training people of the real data. folder: the data folder.

    Raises DataError where a file is missing or damaged.
    """
    return [one for source in REAL_SOURCES for one in _read_source(folder / "ship" / f"{source}.npz")]


def read_synthetic(folder: Path) -> list[Repetition]:
    """Read the repetitions of the shared classes in all files of `hitrs-live synthesise` in a folder.

    Raises DataError where there is no file, a file is damaged, or none of its classes is shared.
    """
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise DataError(f"{folder}: no .npz file; expected the folder that `hitrs-live synthesise --out` wrote")
    found = [
        one
        for file in files
        for motions, classes in [read_motions(file)]
        for one in synthetic_repetitions(motions, classes)
    ]
    if not found:
        raise DataError(f"{folder}: no repetition of a class that real data has; synthesise such as squat, lunge, walk")
    return found


def synthetic_repetitions(motions: Sequence[LabelledMotion], classes: Sequence[str]) -> list[Repetition]:
    """Cut synthetic motions at their own labels of repetitions. classes: names by number."""
    table = synthetic_classes(classes)
    return [
        Repetition(
            label=label,
            source=SYNTHETIC,
            subject=motion.subject,
            name=f"{motion.name}:{start}",
            joints_m=motion.joints_m[start:end],
        )
        for motion in motions
        for first, last in _runs(motion.labels * 10_000 + motion.repetition)
        if (label := table[int(motion.labels[first])]) is not None
        for start, end in _cut(label, first, last)
    ]


def _read_source(file: Path) -> Iterator[Repetition]:
    data = open_dataset(file)
    source = file.stem
    table = [shared_class(source, label) for label in data.index.labels]
    for sample in data.samples:
        if _is_left_out(source, sample):
            continue
        joints, labels = _labelled_frames(data, sample)
        for first, last in _runs(labels):
            label = table[labels[first]] if labels[first] >= BACKGROUND else None
            for part, start, end in _repetitions(joints[first:last], label, source) if label else ():
                yield Repetition(
                    label=part,
                    source=source,
                    subject=sample.subject,
                    name=f"{sample.name}:{first + start}",
                    joints_m=joints[first + start : first + end],
                )


def _is_left_out(source: str, sample: Sample) -> bool:
    repeated = source == "cmu_bvh_01_14" and sample.name in REPEATED_RECORDINGS
    return repeated or sample.subject in LEFT_OUT_SUBJECTS[source] or sample.name.endswith(_INCORRECT)


def _labelled_frames(data: Dataset, sample: Sample) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return joints (T, 25, 3) and labels (T,), -1 where there is none, also at rest before and after a repetition."""
    body = sample.bodies[0]
    joints, labels = data.joints_m(body), np.asarray(data.labels_of(body), np.int64)
    if has_single_repetitions(data.index.name):
        # One is added so that no class is background, which is what the trimmed frames become.
        whole = LabelledSequence(
            name=sample.name,
            subject=sample.subject,
            joints_m=joints,
            labels=labels + 1,
            valid_mask=np.array(data.index.valid),
        )
        labels = trim_rest(whole).labels - 1
    return joints, labels


def _repetitions(joints_m: NDArray[np.float32], label: str, source: str) -> Iterator[tuple[str, int, int]]:
    """Yield class, first and end of the repetitions in a run of one label. joints_m: (T, 25, 3)."""
    if label == "jump":
        yield label, *_around_flight(joints_m)
    elif label == "sit_to_stand":
        # The recordings sit down first.
        middle = _lowest(joints_m)
        yield "stand_to_sit", 0, middle
        yield "sit_to_stand", middle, len(joints_m)
    elif label in WINDOWED or not has_bouts(source):
        yield from ((label, *span) for span in _cut(label, 0, len(joints_m)))
    else:
        for cycle in find_cycles(joints_m):
            yield from ((label, *span) for span in _cut(label, cycle.first, cycle.last + 1))


def _around_flight(joints_m: NDArray[np.float32]) -> tuple[int, int]:
    """Return first and end of a jump, which its recording has standing before and after."""
    angles = joint_angles(joints_m)
    lower = angles[:, [column("ankle_height_left"), column("ankle_height_right")]].min(axis=1)
    top = int(np.argmax(lower))
    return max(top - _BEFORE_FLIGHT, 0), min(top + _AFTER_FLIGHT, len(joints_m))


def _lowest(joints_m: NDArray[np.float32]) -> int:
    """Return the middle of the frames in which the hips are near their lowest."""
    height = joint_angles(joints_m)[:, column("hip_height")]
    near = height <= height.min() + 0.15 * (height.max() - height.min())
    return int(np.median(np.flatnonzero(near)))


def _cut(label: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the frames of one repetition, or windows of a class whose strides are not distinguished."""
    if label in WINDOWED:
        yield from ((start, start + _WINDOW) for start in range(first, last - _WINDOW + 1, _WINDOW))
    elif _LEAST_FRAMES <= last - first <= _LONGEST:
        yield first, last


def _runs(keys: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return first and end of every run of equal keys. keys: (T,)."""
    changes = np.flatnonzero(np.diff(keys)) + 1
    edges = [0, *changes.tolist(), len(keys)]
    return list(pairwise(edges))
