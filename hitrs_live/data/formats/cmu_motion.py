"""Read the CMU motion-prediction benchmark: an .npz with `train/ACTION/FILE` and `test/ACTION/FILE`.

Each is (frames, 38, 3), millimetres as the benchmark has them (1.24 times too large), every second frame of 120 Hz
taken, the root's place and turning removed. `scored_joints` (25,) are the joints that move and are not another's
double; `parents` (38,) the tree. Joints of the `_extra` folders belong to no published split and are left out.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BROKEN
from hitrs_live.data.motion_set import MotionRecording, MotionSet, every_start
from hitrs_live.errors import DataError
from hitrs_live.skeleton import CMU38

TRAINING_FILES = 40
"""Of the whole benchmark, so that a part of it can be told."""
_EXTRA = "_extra"
_SCORED = (3, 4, 5, 6, 9, 10, 11, 12, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26, 28, 30, 31, 32, 34, 35, 37)
_TWINS = {16: 15, 20: 15, 29: 15, 24: 23, 27: 23, 33: 32, 36: 32}


def read_cmu_motion(path: Path) -> MotionSet:
    """Read the benchmark's file, as much of it as is there.

    Raises DataError, naming the file, where it is not in that format.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; give the .npz of the CMU motion-prediction benchmark") from None
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read ({error}); give the .npz of the CMU benchmark") from None
    _check_skeleton(path, arrays)
    halves: dict[str, list[MotionRecording]] = {"train": [], "test": []}
    for key in sorted(arrays, key=_in_order):
        half, _, rest = key.partition("/")
        action, _, name = rest.partition("/")
        if half in halves and name and not action.endswith(_EXTRA):
            halves[half].append(_recording(f"{path}: {key}", action, name, arrays[key]))
    if not halves["test"]:
        raise DataError(f"{path}: has no test/ACTION/FILE; expected the CMU motion-prediction benchmark")
    return MotionSet(
        name="cmu",
        layout=CMU38,
        scored=_SCORED,
        twins=tuple(_TWINS.get(j, j) for j in range(len(CMU38))),
        train=tuple(halves["train"]),
        test=tuple(halves["test"]),
    )


def _in_order(key: str) -> tuple[str, int]:
    """Sort file 10 after file 9."""
    stem, _, number = key.rpartition("_")
    return (stem, int(number)) if number.isdecimal() else (key, 0)


def _check_skeleton(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    expected = {"scored_joints": _SCORED, "parents": (-1, *CMU38.parents[1:])}
    for key, values in expected.items():
        if key not in arrays or tuple(np.ravel(arrays[key]).tolist()) != values:
            raise DataError(f"{path}: {key} is missing or not that of the benchmark's 38 joints; expected {values}")


def _recording(where: str, action: str, name: str, joints: NDArray[Any]) -> MotionRecording:
    if joints.ndim != 3 or joints.shape[1:] != (len(CMU38), 3) or joints.dtype.kind != "f":
        raise DataError(f"{where}: {joints.dtype} of shape {joints.shape}, expected floats of shape (frames, 38, 3)")
    if not np.isfinite(joints).all():
        raise DataError(f"{where}: has joints that are not finite; drop or fill them first")
    return MotionRecording(
        action=action, name=name, joints_mm=joints.astype(np.float32), starts=every_start(where, len(joints))
    )
