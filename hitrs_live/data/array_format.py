"""Read the array format: an .npz of many labelled joint sequences."""

import json
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.joint_checks import MOST_BAD, fill_over_time, find_bad
from hitrs_live.skeleton import NTU25

BROKEN: Final = (
    OSError, EOFError, ValueError, RuntimeError, MemoryError, OverflowError, SyntaxError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Exceptions that reading damaged .npy and .npz files raises."""


BACKGROUND: Final = 0
"""The first class of every detector: none of its actions."""
IGNORE: Final = -1
"""Label of frames of unknown class: neither trained on nor scored."""


@dataclass(frozen=True, kw_only=True)
class LabelledSequence:
    """One recording of one person, with the classes of a detector. T frames at 30 Hz."""

    name: str
    subject: str
    joints_m: NDArray[np.float32]
    """(T, 25, 3), metres, y up."""
    labels: NDArray[np.int64]
    """(T,); class of each frame, or IGNORE."""
    valid_mask: NDArray[np.bool_]
    """(25,); True for joints that the sensor measures. The others are copies of a neighbour."""


def data_folder() -> Path:
    """Return the data folder: the environment's HITRS_DATA, else ../shared/data."""
    return Path(os.environ.get("HITRS_DATA", "../shared/data"))


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Contents of one file, checked but not converted."""

    joints: NDArray[np.floating]
    """(frames, 25, 3), metres, y up; mostly float16."""
    labels: NDArray[np.integer]
    """(frames,)."""
    lengths: NDArray[np.integer]
    """(sequences,); number of frames of each."""
    subjects: tuple[str, ...]
    names: tuple[str, ...]
    valid_mask: NDArray[np.bool_]
    """(25,)."""
    label_names: dict[int, str]
    """Label names by number; empty where the file does not list them."""
    meta: dict[str, Any]
    bad_joints: int = 0
    """Number of joints without a position, which were interpolated over time."""


def load_archive(path: Path) -> Archive:
    """Read a whole file and check it.

    Keys: x (frames, 25, 3), y (frames,), length, subject, seq (sequences,), meta (JSON).
    A joint that is not finite, or beyond 100 metres, is interpolated over time within its sequence.
    Raises DataError, naming the file, where a key is missing, shapes disagree, or half or more of a sequence's joints
    are not finite.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("x", "y", "length", "subject", "seq", "meta")}
        meta = json.loads(str(arrays["meta"]))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; set HITRS_DATA to the folder that contains the data") from None
    except (*BROKEN, KeyError, TypeError, AttributeError) as error:
        # NumPy takes any other file for a pickle, and advises how to load one.
        reason = "it is no .npz file" if "allow_pickle" in str(error) else str(error)
        raise DataError(
            f"{path}: not in the array format ({reason}); expected an .npz with x, y, length, subject, seq, meta"
        ) from None
    meta = meta if isinstance(meta, dict) else {}
    valid = meta.get("valid", [True] * len(NTU25))
    _check(path, arrays, valid)
    joints, bad_joints = _filled(path, arrays)
    return Archive(
        joints=joints,
        labels=arrays["y"],
        lengths=arrays["length"],
        subjects=tuple(str(subject) for subject in arrays["subject"]),
        names=tuple(str(name) for name in arrays["seq"]),
        valid_mask=np.asarray(valid, bool),
        label_names=_label_names(path, meta),
        meta=meta,
        bad_joints=bad_joints,
    )


def _label_names(path: Path, meta: dict[str, Any]) -> dict[int, str]:
    names = meta.get("labels")
    try:
        return {int(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}
    except ValueError:
        raise DataError(f"{path}: meta's labels are {str(names)[:60]}, expected names by number") from None


def _check(path: Path, arrays: dict[str, NDArray[Any]], valid: Any) -> None:
    joints, labels, lengths = arrays["x"], arrays["y"], arrays["length"]
    if joints.ndim != 3 or joints.shape[1:] != (len(NTU25), 3):
        raise DataError(
            f"{path}: x has shape {joints.shape}, expected (frames, 25, 3); convert it to the joints of NTU RGB+D"
        )
    for key, expected in (("x", "f"), ("y", "iu"), ("length", "iu")):
        if arrays[key].dtype.kind not in expected:
            raise DataError(
                f"{path}: {key} is {arrays[key].dtype}, expected {'floats' if expected == 'f' else 'integers'}"
            )
    if labels.ndim != 1 or lengths.ndim != 1 or len(labels) != len(joints) or lengths.sum() != len(joints):
        raise DataError(
            f"{path}: {len(joints)} frames in x, {labels.shape} in y, {lengths.sum()} in length; "
            "expected the same number"
        )
    if (lengths < 1).any() or arrays["subject"].shape != lengths.shape or arrays["seq"].shape != lengths.shape:
        raise DataError(
            f"{path}: {lengths.shape} lengths, {arrays['subject'].shape} subjects, {arrays['seq'].shape} names; "
            "expected as many of each, and no sequence without a frame"
        )
    if not (isinstance(valid, list) and len(valid) == len(NTU25)):
        raise DataError(f"{path}: meta's valid is {str(valid)[:40]}, expected a list of {len(NTU25)} truth values")


def _filled(path: Path, arrays: dict[str, NDArray[Any]]) -> tuple[NDArray[np.floating], int]:
    """Interpolate the bad joints of every sequence. Returns x, the array itself where none is bad, and their number."""
    joints = arrays["x"]
    bad = find_bad(joints)
    if not bad.any():
        return joints, 0
    ends = np.cumsum(arrays["length"])
    filled = joints.copy()
    for start, end, name in zip(ends - arrays["length"], ends, arrays["seq"], strict=True):
        share = bad[start:end].mean()
        if share >= MOST_BAD:
            raise DataError(f"{path}: {share:.0%} of the joints of {name} are not finite; drop or fill them first")
        if share:
            filled[start:end] = fill_over_time(joints[start:end].astype(np.float32))
    return filled, int(bad.sum())
