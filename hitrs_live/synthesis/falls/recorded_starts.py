"""Cut starts of falls from recordings that may be trained on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import load_archive
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.starts import FittedStart, choose_moment, fit_start

SETS: Final = (
    "cmu_bvh_01_14", "cmu_bvh_more", "cmu_amc_more", "cmu_mocap6", "precog16", "ui_prmd_kinect", "mars_kinect",
)  # fmt: skip
"""Sets that starts come from."""
_FRAMES: Final = 90
_ERROR_M: Final = 0.06


def recorded_starts(folder: Path, count: int, rng: np.random.Generator) -> list[FittedStart]:
    """Cut and fit pieces of 3 seconds from the sets of a folder, the same number from each set.

    folder: `ship` of the data folder. Raises DataError where it has none of the sets.
    """
    found = [folder / f"{name}.npz" for name in SETS if (folder / f"{name}.npz").exists()]
    if not found:
        raise DataError(f"{folder}: none of {', '.join(SETS)}; set HITRS_DATA to the folder that contains the data")
    starts: list[FittedStart] = []
    for number, path in enumerate(found):
        share = count * (number + 1) // len(found) - len(starts)
        for piece in _pieces(path, rng):
            if share <= 0:
                break
            if (start := _usable(piece, rng)) is not None:
                starts.append(start)
                share -= 1
    return starts


def _pieces(path: Path, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Yield pieces in random order, one of each sequence, without held-out subjects."""
    archive = load_archive(path)
    ends = np.cumsum(archive.lengths)
    for number in rng.permutation(len(ends)):
        if archive.subjects[number] in LEFT_OUT_SUBJECTS[path.stem] or archive.lengths[number] < _FRAMES // 2:
            continue
        first = int(ends[number] - archive.lengths[number])
        first += int(rng.integers(max(int(archive.lengths[number]) - _FRAMES, 0) + 1))
        yield archive.joints[first : min(first + _FRAMES, int(ends[number]))].astype(np.float32)


def _usable(piece: NDArray[np.float32], rng: np.random.Generator) -> FittedStart | None:
    """Fit a piece; None where no person stands, moves or sits in it."""
    try:
        start = fit_start(piece)
        joints = PoseFitter(Humanoid.build(start.shape)).joints_of(start.qpos)
        choose_moment(joints, start.error_m, rng, height_m=start.shape.height_m, cause=None)
    except DataError:
        return None
    return start if np.median(start.error_m) < _ERROR_M else None
