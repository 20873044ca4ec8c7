"""Check a frame's poses: which of them are people, and which joints have no position."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from hitrs_live.joint_checks import (
    LEAST_EXTENT_M,
    MOST_METRES,
    fill_from_neighbours,
    find_bad,
    find_bodies,
    find_confident,
)
from hitrs_live.messages import Pose


@dataclass(frozen=True, kw_only=True)
class FilledPose(Pose):
    """A pose some of whose joints had no position; they have their neighbours' positions, at confidence 0."""

    bad: NDArray[np.bool_]
    """(25,); True where the joint had none."""


def present_poses(poses: Iterable[Pose]) -> list[Pose]:
    """Drop bodies that are no people (`joint_checks.find_bodies`), and fill the bad joints of the others.

    All joints of the result are finite, all confidences from 0 to 1.
    """
    present: list[Pose] = []
    for pose in poses:
        if _is_whole(pose):
            present.append(pose)
            continue
        confident = find_confident(pose.confidence)
        if not confident.all():
            pose = replace(pose, confidence=np.where(confident, pose.confidence, np.float32(0)))
        if find_bodies(pose.joints_m, pose.confidence):
            bad = find_bad(pose.joints_m)
            present.append(_fill(pose, bad) if bad.any() else pose)
    return present


def _is_whole(pose: Pose) -> bool:
    """Check a pose as a whole, without looking at single joints; nearly every pose passes."""
    joints, confidence = pose.joints_m, pose.confidence
    with np.errstate(invalid="ignore"):  # a signalling not-a-number off the wire
        low, high, least, most = joints.min(axis=0), joints.max(axis=0), confidence.min(), confidence.max()
        # Comparisons with not-a-number are false.
        near = low.min() >= -MOST_METRES and high.max() <= MOST_METRES
        return bool(near and (high - low).max() > LEAST_EXTENT_M and least >= 0 and 0 < most <= 1)


def _fill(pose: Pose, bad: NDArray[np.bool_]) -> FilledPose:
    known = {field.name: getattr(pose, field.name) for field in fields(pose)}
    known["joints_m"] = fill_from_neighbours(pose.joints_m, bad)
    known["confidence"] = np.where(bad, np.float32(0), pose.confidence)
    return FilledPose(**known, bad=bad)
