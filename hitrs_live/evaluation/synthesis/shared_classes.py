"""List the classes that real and synthetic motion share, and map the labels of both to them."""

from collections.abc import Sequence
from typing import Final

from hitrs_live.data.shipped_classes import LABELS, SHIP_CLASSES

REAL_SOURCES: Final = (
    "precog16", "ui_prmd_kinect", "mars_kinect", "cmu_mocap6", "cmu_bvh_01_14", "cmu_bvh_more", "cmu_amc_more",
)  # fmt: skip
"""Files of the data folder's ship/ with labels of shared classes."""

REPEATED_RECORDINGS: Final = frozenset({"13_30", "13_31"})
"""Recordings of cmu_bvh_01_14 that are also in cmu_mocap6, there with a label for every frame."""

_MARS = {
    "left_arm_raise": "arm_raise_one",
    "right_arm_raise": "arm_raise_one",
    "both_arms_raise": "arm_raise_both",
    "left_front_lunge": "lunge",
    "right_front_lunge": "lunge",
    "squat": "squat",
    "left_side_lunge": "side_lunge",
    "right_side_lunge": "side_lunge",
    "left_limb_extension": "limb_extension",
    "right_limb_extension": "limb_extension",
}

_SAME_NAME = frozenset({"walk", "run", "jump"})

WINDOWED: Final = frozenset({"walk", "run"})
"""Classes whose repetitions, the strides, are not distinguished: they are cut into windows."""

_REPEATED_IN_BOUTS: Final = frozenset({"mars_kinect", "cmu_mocap6"})
"""Files in which a run of one label has many repetitions."""


def shared_class(source: str, label: str) -> str | None:
    """Map a label of a real file to a shared class; None where it is none of them."""
    if source == "mars_kinect":
        return _MARS.get(label)
    if source in ("cmu_bvh_more", "cmu_amc_more"):
        return label if label in _SAME_NAME else None
    found = SHIP_CLASSES[source](label)
    return None if found == "background" else found


def has_bouts(source: str) -> bool:
    """Return whether a run of one label in a file has many repetitions."""
    return source in _REPEATED_IN_BOUTS


def synthetic_classes(classes: Sequence[str]) -> list[str | None]:
    """Return the shared class of each class of synthetic motion, which has the same name, None for others."""
    return [name if name in _SHARED else None for name in classes]


_SHARED: Final = frozenset({*LABELS[1:], "stand_to_sit", *_MARS.values()})
