"""Read the array format: many labelled joint sequences in one .npz."""

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One recording of one person. T frames at 30 Hz."""

    name: str
    subject: str
    joints_m: NDArray[np.float32]
    """(T, 25, 3), metres, y up."""
    labels: NDArray[np.int64]
    """(T,); class of each frame, as the file numbers them."""
    valid_mask: NDArray[np.bool_]
    """(25,); joints that the sensor really had. The others stand where a neighbour is."""


def data_folder() -> Path:
    """Find the data: the folder that HITRS_DATA names, else ../shared/data."""
    return Path(os.environ.get("HITRS_DATA", "../shared/data"))


def read_arrays(path: Path) -> tuple[list[Sequence], dict[int, str]]:
    """Read every sequence of a file, and the names of its labels where it tells them.

    Keys: x (frames, 25, 3), y (frames,), length, subject, seq (sequences,), meta (JSON).
    Raises DataError, naming the file, where a key is missing or the shapes disagree.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("x", "y", "length", "subject", "seq", "meta")}
        meta: dict[str, Any] = json.loads(str(arrays["meta"]))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; set HITRS_DATA to the folder that holds the data") from None
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: not in the array format ({error}); wanted an .npz with x, y, length, subject, seq, meta"
        ) from None
    _check(path, arrays)
    names = meta.get("labels")
    labels = {int(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}
    return list(_cut(arrays, np.asarray(meta.get("valid", [True] * 25), bool))), labels


def _check(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    joints, labels, lengths = arrays["x"], arrays["y"], arrays["length"]
    if joints.ndim != 3 or joints.shape[1:] != (25, 3):
        raise DataError(f"{path}: x has shape {joints.shape}, wanted (frames, 25, 3)")
    if len(labels) != len(joints) or lengths.sum() != len(joints):
        raise DataError(
            f"{path}: {len(joints)} frames in x, {len(labels)} in y, {lengths.sum()} in length; wanted the same number"
        )
    if not np.isfinite(joints).all():
        raise DataError(f"{path}: x holds joints that are not finite; drop or fill them first")


def _cut(arrays: dict[str, NDArray[Any]], valid_mask: NDArray[np.bool_]) -> Iterator[Sequence]:
    ends = np.cumsum(arrays["length"])
    for end, length, subject, name in zip(ends, arrays["length"], arrays["subject"], arrays["seq"], strict=True):
        span = slice(end - length, end)
        yield Sequence(
            name=str(name),
            subject=str(subject),
            joints_m=arrays["x"][span].astype(np.float32),
            labels=arrays["y"][span].astype(np.int64),
            valid_mask=valid_mask,
        )
