"""Fill what a body's stream lacks: joints without a position, and frames in which nobody is there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.joint_checks import MOST_BAD, MOST_METRES, fill_over_time, find_bad, find_bodies
from hitrs_live.prepare.reading import BAD_JOINTS
from hitrs_live.prepare.tracks import LONGEST_PAUSE, Track, fill_gaps

EMPTY_FRAMES = "frames without a body, filled"


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One body's stream without gaps."""

    joints: NDArray[np.float32]
    """(T, 25, 3), metres."""
    lost: NDArray[np.bool_]
    """(T,); True in gaps of more than LONGEST_PAUSE frames: what is interpolated there is no label's."""
    counts: dict[str, int]


def fill_stream(where: Path | str, joints_m: NDArray[np.float32]) -> Filled:
    """Interpolate the bad joints of one body, and the frames in which it is nobody, from the frames around them.

    joints_m: (T, 25, 3), metres. Frames before the first in which somebody is there are copies of it, those after the
    last copies of that. Raises DataError, naming `where`, as `check_joints` does, and where half of the frames or more
    have nobody.
    """
    check_joints(where, joints_m)
    there = find_bodies(joints_m)
    if not len(joints_m) or (~there).mean() >= MOST_BAD:
        raise DataError(f"{where}: somebody in {int(there.sum())} of {len(joints_m)} frames, expected most of them")
    at = np.flatnonzero(there)
    counts = {BAD_JOINTS: int(find_bad(joints_m[at]).sum()), EMPTY_FRAMES: len(joints_m) - len(at)}
    lost = np.zeros(len(joints_m), bool)
    if not any(counts.values()):
        return Filled(joints=joints_m, lost=lost, counts=counts)
    inner = fill_gaps(Track(at=at, joints=fill_over_time(joints_m[at])))
    before, after = int(at[0]), len(joints_m) - 1 - int(at[-1])
    bounds = np.concatenate([[-1], at, [len(joints_m)]])
    for gap in np.flatnonzero(np.diff(bounds) > LONGEST_PAUSE):
        lost[bounds[gap] + 1 : bounds[gap + 1]] = True
    joints = np.concatenate([np.repeat(inner[:1], before, 0), inner, np.repeat(inner[-1:], after, 0)])
    return Filled(joints=joints, lost=lost, counts=counts)


def check_joints(where: Path | str, joints_m: NDArray[np.floating]) -> None:
    """Refuse joints, (..., 3) in metres, half of which or more have no usable position. Raises DataError."""
    bad = find_bad(joints_m)
    if bad.size and bad.mean() >= MOST_BAD:
        raise DataError(
            f"{where}: {int(bad.sum())} of {bad.size} joints without a position, expected metres up to {MOST_METRES:g}"
        )
