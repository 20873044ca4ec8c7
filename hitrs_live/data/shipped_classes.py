"""Map the labels of the recordings that the shipped weights are trained on to classes; list the test subjects."""

from collections.abc import Callable, Container, Mapping
from typing import Final

LABELS = (
    "background",
    "punch_right", "punch_left", "front_kick_right", "front_kick_left", "side_kick_right", "side_kick_left",
    "back_fist", "elbow_strike",
    "squat", "hurdle_step", "lunge", "side_lunge", "sit_to_stand", "leg_raise",
    "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption",
    "walk", "run", "jump", "jumping_jack", "knee_raise", "arm_circle", "twist", "toe_touch",
)  # fmt: skip
"""The classes of the labelled files, which are the first of the shipped detector's; 0 is everything else."""

SOURCES = ("precog16", "ui_prmd_kinect", "cmu_bvh_01_14", "cmu_mocap6")
"""The labelled files, in the order of the data's README."""

TEST_SUBJECTS = {
    "precog16": frozenset({"p9", "p10", "p11", "p12"}),
    "ui_prmd_kinect": frozenset({"s08", "s09", "s10"}),
    "cmu_bvh_01_14": frozenset({"08", "09", "14"}),
    "cmu_mocap6": frozenset({"14"}),
}

LEFT_OUT_SUBJECTS: Final[Mapping[str, frozenset[str]]] = {
    **TEST_SUBJECTS,
    "mars_kinect": frozenset({"mars4"}),
    "cmu_amc_more": frozenset({"cmu17", "cmu135"}),
    "cmu_bvh_more": frozenset({"cmu60"}),
}
"""By file of the data folder's ship/: the people that nothing is ever fitted to. A file that is not named has none."""

ARMS_FREE = frozenset({"walk", "run"})
"""Classes that do not depend on what the arms do."""

SOURCE_WEIGHTS: Final[Mapping[str, float]] = {
    "precog16": 0.4,
    "ui_prmd_kinect": 0.3,
    "cmu_bvh_01_14": 0.15,
    "cmu_mocap6": 0.15,
}
"""Relative frequency of each file's pieces in training."""

_PRECOG = {
    "right_punch": "punch_right",
    "left_punch": "punch_left",
    **{name: name for name in LABELS[3:9]},
}

_UI_PRMD = {f"m{number:02d}": name for number, name in enumerate(LABELS[9:19], start=1)}

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
"""Prefixes of CMU labels whose recordings contain none of LABELS. Labels in neither list are ignored: a dribbling
player also walks, a boxer also punches."""
_CMU_FURTHER: Final[Mapping[str, str]] = {"drink": "drink", "wash windows": "wipe"}
"""By prefix of a CMU label that is background for LABELS: the class of a detector that has more classes."""
_CMU_AT_UNKNOWN_TIMES: Final[Mapping[str, frozenset[str]]] = {
    "unscrew": frozenset({"drink"}),
    "direct traffic": frozenset({"wave", "point", "raise_hand"}),
    "climb": frozenset({"step"}),
    "dance": frozenset({"step", "side_step", "turn"}),
    "swordplay": frozenset({"step"}),
    "sit on stepstool": frozenset({"stand_to_sit"}),
}
"""By prefix of a CMU label that is background for LABELS: classes of other detectors that occur in it somewhere."""


def _cmu_label(label: str) -> str | None:
    return "background" if label.startswith(_CMU_BACKGROUND) else _CMU_EXACT.get(label)


SHIP_CLASSES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "precog16": _PRECOG.get,
    "ui_prmd_kinect": _UI_PRMD.get,
    "cmu_bvh_01_14": _cmu_label,
    "cmu_mocap6": _MOCAP6.get,
}
"""By file: maps one of its labels to a class of LABELS; None where it is none of them, or may contain several."""


def ship_class(source: str, label: str, classes: Container[str]) -> str | None:
    """Return what a label of a shipped file is to a detector of these classes.

    It is a class of LABELS, where the detector has it or not; a further class, if the detector has it, of what is
    background for LABELS; else background; or None, where classes of the detector may occur in it at unknown times.
    """
    known = SHIP_CLASSES[source](label)
    if known != LABELS[0] or source != "cmu_bvh_01_14":
        return known
    further = next((name for prefix, name in _CMU_FURTHER.items() if label.startswith(prefix)), None)
    if further is not None and further in classes:
        return further
    within = next((names for prefix, names in _CMU_AT_UNKNOWN_TIMES.items() if label.startswith(prefix)), frozenset())
    return None if any(name in classes for name in within) else known
