"""Read the data whose weights may be shipped, with the shipped classes, without the people who are tested on.

Recordings that may contain a class, but are not labelled with it, are labelled IGNORE: they are no negatives of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence, load_archive
from hitrs_live.data.class_map import as_streams, read_classes
from hitrs_live.data.dataset import UNLABELLED, Dataset
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.shipped_classes import LABELS, LEFT_OUT_SUBJECTS, SHIP_CLASSES

_CLASSES: Final[Mapping[str, Mapping[str, str]]] = {
    "mars_kinect": {
        "left_front_lunge": "lunge",
        "right_front_lunge": "lunge",
        "squat": "squat",
        "left_side_lunge": "side_lunge",
        "right_side_lunge": "side_lunge",
    },
    "cmu_amc_more": {
        "basketball_signal": "background",
        "cartwheel": "background",
        "dance": "background",
        "nursery_rhyme": "background",
        "jump": "jump",
        "run": "run",
        "walk": "walk",
    },
    "cmu_bvh_more": {"dance": "background", "jump": "jump", "run": "run", "walk": "walk"},
    "cmu_signals": {"basketball_signal": "background"},
    "labanotation_gestures": dict.fromkeys(
        ("wavehand", "balancinghands", "drawlines", "comehere", "demopoint", "chickenwing"), "background"
    ),
}
"""Labels of the other sets that are one of the classes, or none of them. A label in neither list is IGNORE: boxing
contains punches of either side, an arm raise may be any of four exercises."""

_WITH_RESTS: Final = frozenset({"mars_kinect"})
"""Sets with one label a recording and rests between repetitions."""
_REST_SHARE: Final = 0.2
_REST_FRAMES: Final = 15

SETS: Final = (
    "precog16", "ui_prmd_kinect", "cmu_bvh_01_14", "cmu_mocap6", "mars_kinect", "cmu_amc_01_03", "cmu_amc_more",
    "cmu_bvh_more", "cmu_signals", "labanotation_gestures",
)  # fmt: skip


def read_training_people(folder: Path, name: str) -> tuple[list[LabelledMotion], str]:
    """Read one set of ship/ without its test subjects. folder: the data folder.

    Returns a motion per recording, with numbers of the shipped LABELS, and the set's licence. Single repetitions are
    joined to streams. Raises DataError where the file is missing or damaged.
    """
    path = folder / "ship" / f"{name}.npz"
    data = open_dataset(path)
    kept = data.split()[0] if data.index.splits else data
    kept = kept.only([sample for sample in kept.samples if sample.subject not in LEFT_OUT_SUBJECTS.get(name, ())])
    sequences = as_streams(name, read_classes(kept, LABELS)) if name in SHIP_CLASSES else _read_others(kept)
    if name in _WITH_RESTS:
        sequences = [_ignore_rests(one) for one in sequences]
    licence = str(load_archive(path).meta.get("licence", "not stated"))
    return [recorded_motion(one) for one in sequences], licence


def recorded_motion(sequence: LabelledSequence) -> LabelledMotion:
    """Convert a recording: its onsets are where an action's label begins; phase and repetition are not known."""
    frames = len(sequence.labels)
    return labelled_frames(
        sequence.joints_m.astype(np.float32)[:frames], sequence.labels, name=sequence.name, subject=sequence.subject
    )


def labelled_frames(
    joints_m: NDArray[np.float32], labels: NDArray[np.int64], *, name: str, subject: str
) -> LabelledMotion:
    """Make a motion of joints (T, 25, 3) and the class of each frame, (T,)."""
    frames = len(labels)
    begins = np.diff(labels, prepend=BACKGROUND) != 0
    return LabelledMotion(
        name=name,
        subject=subject,
        joints_m=joints_m,
        labels=labels.astype(np.int64),
        phase=np.full(frames, np.nan, np.float32),
        repetition=np.zeros(frames, np.int64),
        onset_mask=begins & (labels > BACKGROUND),
        near_miss=np.full(frames, BACKGROUND, np.int64),
    )


def _read_others(data: Dataset) -> list[LabelledSequence]:
    """Read the recordings of a set that the shipped detector was not trained on."""
    known = _CLASSES.get(data.index.name, {})
    table = np.array([LABELS.index(known[name]) if name in known else IGNORE for name in data.index.labels], np.int64)
    sequences = []
    for sample in data.samples:
        body = sample.bodies[0]
        given = data.labels_of(body)
        labels = np.full(body.frames, IGNORE, np.int64)
        labels[given != UNLABELLED] = table[given[given != UNLABELLED]] if len(table) else IGNORE
        sequences.append(
            LabelledSequence(
                name=sample.name, subject=sample.subject, joints_m=data.joints_m(body), labels=labels,
                valid_mask=np.array(data.index.valid),
            )
        )  # fmt: skip
    return sequences


def _ignore_rests(sequence: LabelledSequence) -> LabelledSequence:
    """Relabel as IGNORE what may be rest: half a second or more at a fifth of the recording's usual speed."""
    joints, labels = sequence.joints_m, sequence.labels.copy()
    speed = np.linalg.norm(np.diff(joints, axis=0, prepend=joints[:1]), axis=-1).mean(-1)
    window = np.ones(_REST_FRAMES) / _REST_FRAMES
    smooth = np.convolve(speed, window, mode="same")
    slow = smooth < _REST_SHARE * np.quantile(smooth, 0.9)
    labels[slow & (labels > BACKGROUND)] = IGNORE
    return replace(sequence, labels=labels)
