"""The data that shipped weights are trained on: its class list, its labels mapped to it, its splits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.arrays import Sequence, read_arrays

LABELS = (
    "background",
    "punch_right", "punch_left", "front_kick_right", "front_kick_left", "side_kick_right", "side_kick_left",
    "back_fist", "elbow_strike",
    "squat", "hurdle_step", "lunge", "side_lunge", "sit_to_stand", "leg_raise",
    "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption",
    "walk", "run", "jump", "jumping_jack", "knee_raise", "arm_circle", "twist", "toe_touch",
)  # fmt: skip
"""The classes of the first model; 0 is everything else."""

BACKGROUND = 0
IGNORE = -1
"""Frames whose source label may or may not be one of the classes: neither trained on nor scored."""

SOURCES = ("precog16", "ui_prmd_kinect", "cmu_bvh_01_14", "cmu_mocap6")
"""The labelled files, in the order of the data's README."""

TEST_SUBJECTS = {
    "precog16": frozenset({"p9", "p10", "p11", "p12"}),
    "ui_prmd_kinect": frozenset({"s08", "s09", "s10"}),
    "cmu_bvh_01_14": frozenset({"08", "09", "14"}),
    "cmu_mocap6": frozenset({"14"}),
}

_PRECOG = {number: LABELS[number] for number in range(9)}

_UI_PRMD = dict(
    enumerate(
        ("squat", "hurdle_step", "lunge", "side_lunge", "sit_to_stand", "leg_raise", "shoulder_abduction",
         "shoulder_extension", "shoulder_rotation", "shoulder_scaption"),
        start=1,
    )
)  # fmt: skip

_MOCAP6 = {
    "JumpJack": "jumping_jack",
    "Jog": "run",
    "Squat": "squat",
    "KneeRaise": "knee_raise",
    "ArmCircle": "arm_circle",
    "Twist": "twist",
    "ToeTouchOneHand": "toe_touch",
    "ToeTouchTwoHands": "toe_touch",
    "SideReach": "background",
    "SideBend": "background",
}

_CMU_EXACT = {
    "walk": "walk",
    "slow walk": "walk",
    "brisk walk": "walk",
    "walk/stride": "walk",
    "walk, exaggerated stride": "walk",
    "slow walk/stride": "walk",
    "walk on uneven terrain": "walk",
    "run": "run",
    "run/jog": "run",
    "jump": "jump",
    "forward jump": "jump",
}

_CMU_BACKGROUND = (
    "dance", "swordplay", "wash", "unscrew", "drink", "laugh", "direct traffic", "climb", "sit on stepstool, ankle",
)  # fmt: skip
"""CMU labels that begin so hold none of the classes. What is in neither list is ignored: a dribbling player also
walks, a boxer also punches."""

_MIRROR = {
    "punch_right": "punch_left",
    "front_kick_right": "front_kick_left",
    "side_kick_right": "side_kick_left",
}


def mirrored_labels() -> NDArray[np.int64]:
    """Map each class to the one it becomes when left and right are swapped. Returns (K,)."""
    both = _MIRROR | {left: right for right, left in _MIRROR.items()}
    return np.array([LABELS.index(both.get(name, name)) for name in LABELS])


def read_ship(folder: Path, *, test: bool) -> dict[str, list[Sequence]]:
    """Read the labelled files with our classes, training subjects or test subjects.

    Raises DataError where a file is missing or broken.
    """
    return {name: _read(folder, name, test) for name in SOURCES}


def _read(folder: Path, name: str, test: bool) -> list[Sequence]:
    sequences, names = read_arrays(folder / "ship" / f"{name}.npz")
    table = _label_table(name, names)
    chosen = [s for s in sequences if (s.subject in TEST_SUBJECTS[name]) == test]
    if name == "cmu_bvh_01_14":
        # 13_30 and 13_31 are in cmu_mocap6 too, there with a label for every frame.
        chosen = [s for s in chosen if s.name not in ("13_30", "13_31")]
    mapped = [replace(s, labels=table[s.labels]) for s in chosen]
    return [trim_rest(s) for s in mapped] if name == "ui_prmd_kinect" else mapped


def _label_table(name: str, names: dict[int, str]) -> NDArray[np.int64]:
    ours: dict[int, str | None]
    if name == "precog16":
        ours = dict(_PRECOG)
    elif name == "ui_prmd_kinect":
        ours = dict(_UI_PRMD)
    elif name == "cmu_mocap6":
        ours = {number: _MOCAP6.get(label) for number, label in names.items()}
    else:
        ours = {number: _cmu_label(label) for number, label in names.items()}
    table = np.full(max(ours) + 1, IGNORE)
    for number, label in ours.items():
        if label is not None:
            table[number] = LABELS.index(label)
    return table


def _cmu_label(label: str) -> str | None:
    return "background" if label.startswith(_CMU_BACKGROUND) else _CMU_EXACT.get(label)


def trim_rest(sequence: Sequence, share: float = 0.15) -> Sequence:
    """Relabel as background the frames before and after a repetition in which the person is still at rest.

    Rest is the pose of the first three frames; a repetition lasts from the first to the last frame whose mean
    joint distance to it, both centred on the root and lifted by the root's own drop, is above `share` of the
    greatest. Without this a person who merely stands would carry the name of an exercise.
    """
    joints = sequence.joints_m
    centred = joints - joints[:, :1] * np.array([1, 0, 1], np.float32)
    distance = np.linalg.norm(centred - centred[:3].mean(0), axis=-1).mean(-1)
    moving = np.flatnonzero(distance > share * distance.max())
    labels = np.full_like(sequence.labels, BACKGROUND)
    labels[moving[0] : moving[-1] + 1] = sequence.labels[moving[0] : moving[-1] + 1]
    return replace(sequence, labels=labels)
