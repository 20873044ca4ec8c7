"""What every reader gives: the sequences of one file, and the plan of a whole folder of files."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import Body, Index, Sample
from hitrs_live.errors import DataError

BAD_JOINTS = "joints without a position"
"""Name of the count of joints that are no numbers, or out of range, and were filled from the frames around them."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One sequence with its numbers; its bodies' rows are counted from 0 within them."""

    sample: Sample
    joints: NDArray[np.float32]
    """(rows, 25, 3), metres, y up."""
    labels: NDArray[np.int16]
    """(rows,)."""


class Findings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was met on the way, for the report: counts by what was counted, notes by the file's name."""

    counts: dict[str, int] = {}
    broken: dict[str, str] = {}
    """Files that could not be read, and why."""
    left_out: dict[str, str] = {}
    """Files that were passed over on purpose, and why."""
    notes: dict[str, str] = {}
    """What is odd about files that were read."""

    def add(self, other: "Findings") -> None:
        """Take in what another part of the files gave."""
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        for mine, theirs in (
            (self.broken, other.broken),
            (self.left_out, other.left_out),
            (self.notes, other.notes),
        ):
            mine.update(theirs)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one file held. No sequence at all, with a note of why in `left_out`, is a possible answer."""

    recorded: tuple[Recorded, ...]
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which files are to be read, how, and what the data set that they make is."""

    folder: Path
    """What files are named from in reports."""
    files: tuple[Path, ...]
    """In the order of the sequences to come."""
    read: Callable[[Path], Reading]
    """Read one file, raising DataError where it is broken. Must be picklable: it runs in other processes."""
    index: Index
    """All but the samples."""
    depends_on: str = ""
    """All else that the outcome rests on (lists, labels, options), as text: a change of it begins anew."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Files that are not to be read, and why."""


def find_named(
    folder: Path, pattern: str, name: re.Pattern[str], example: str, *, within: str = ""
) -> tuple[tuple[Path, ...], dict[str, str]]:
    """Find the files of a pattern under a folder whose names, without their ending, are of a form.

    within: only in folders of that name, in lower case, to any depth.
    Returns them in the order of their names, and those of other names with why they are left out. Raises DataError
    where there is none, or one name is there twice.
    """
    found: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        if within and within not in (part.lower() for part in path.parts[:-1]):
            left_out[str(path.relative_to(folder))] = f"not in a folder {within}"
        elif not name.fullmatch(path.stem):
            left_out[str(path.relative_to(folder))] = f"its name is not of a form such as {example}"
        elif path.stem in found:
            raise DataError(f"{path} and {found[path.stem]}: the same sequence twice; take one of them away")
        else:
            found[path.stem] = path
    if not found:
        raise DataError(f"{folder}: no file in it with a name such as {example}; give the folder that has them")
    return tuple(found[stem] for stem in sorted(found)), left_out


def record(sample: Sample, bodies: list[tuple[int, NDArray[np.float32]]], labels: list[NDArray[np.int16]]) -> Recorded:
    """Lay bodies, each (first frame, joints (T, 25, 3)), one after another under a sample that has none yet.

    labels: one (T,) a body. Raises ValueError where there is no body, or one without frames.
    """
    if not bodies or not all(len(joints) for _, joints in bodies):
        raise ValueError(f"{sample.name}: got bodies of {[len(j) for _, j in bodies]} frames, expected one with frames")
    rows, first_row = [], 0
    for first_frame, joints in bodies:
        rows.append(Body(first_row=first_row, frames=len(joints), first_frame=first_frame))
        first_row += len(joints)
    return Recorded(
        sample=msgspec.structs.replace(sample, bodies=tuple(rows)),
        joints=np.concatenate([joints for _, joints in bodies]).astype(np.float32),
        labels=np.concatenate(labels).astype(np.int16),
    )
