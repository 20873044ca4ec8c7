"""The data that shipped weights are trained on: its class list, its labels mapped to it, its people to test on."""

from collections.abc import Callable, Mapping
from typing import Final

LABELS = (
    "background",
    "punch_right", "punch_left", "front_kick_right", "front_kick_left", "side_kick_right", "side_kick_left",
    "back_fist", "elbow_strike",
    "squat", "hurdle_step", "lunge", "side_lunge", "sit_to_stand", "leg_raise",
    "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption",
    "walk", "run", "jump", "jumping_jack", "knee_raise", "arm_circle", "twist", "toe_touch",
)  # fmt: skip
"""The classes of the first model; 0 is everything else."""

SOURCES = ("precog16", "ui_prmd_kinect", "cmu_bvh_01_14", "cmu_mocap6")
"""The labelled files, in the order of the data's README."""

TEST_SUBJECTS = {
    "precog16": frozenset({"p9", "p10", "p11", "p12"}),
    "ui_prmd_kinect": frozenset({"s08", "s09", "s10"}),
    "cmu_bvh_01_14": frozenset({"08", "09", "14"}),
    "cmu_mocap6": frozenset({"14"}),
}

ARMS_FREE = frozenset({"walk", "run"})
"""Classes that stay what they are whatever the arms do."""

SOURCE_WEIGHTS: Final[Mapping[str, float]] = {
    "precog16": 0.4,
    "ui_prmd_kinect": 0.3,
    "cmu_bvh_01_14": 0.15,
    "cmu_mocap6": 0.15,
}
"""How often training takes a piece of which file."""

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
"""CMU labels that begin so hold none of the classes. What is in neither list is ignored: a dribbling player also
walks, a boxer also punches."""


def _cmu_label(label: str) -> str | None:
    return "background" if label.startswith(_CMU_BACKGROUND) else _CMU_EXACT.get(label)


SHIP_CLASSES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "precog16": _PRECOG.get,
    "ui_prmd_kinect": _UI_PRMD.get,
    "cmu_bvh_01_14": _cmu_label,
    "cmu_mocap6": _MOCAP6.get,
}
"""By file: what one of its labels is called here; None where it is none of the classes, or may hold several."""
