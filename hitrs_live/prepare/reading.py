"""Define what every reader returns: the plan of a whole folder of files, and the sequences of one file."""

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
"""Name of the count of joints that are no numbers, or out of range, and were interpolated over time."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One sequence with its arrays; the rows of its bodies count from 0 within them."""

    sample: Sample
    joints: NDArray[np.float32]
    """(rows, 25, 3), metres, y up."""
    labels: NDArray[np.int16]
    """(rows,), class of each row, or UNLABELLED."""


class Findings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Contents of the report."""

    counts: dict[str, int] = {}
    """Numbers by what was counted."""
    broken: dict[str, str] = {}
    """Files that could not be read, with the reason."""
    left_out: dict[str, str] = {}
    """Files that were left out on purpose, with the reason."""
    notes: dict[str, str] = {}
    """Irregularities by the name of a file that was read."""

    def add(self, other: "Findings") -> None:
        """Add the findings of other files."""
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
    """Contents of one file. There may be no sequence, for a reason that `findings.left_out` gives."""

    recorded: tuple[Recorded, ...]
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Files to read, the function that reads one of them, and the description of the data set."""

    folder: Path
    """Reports name files relative to it."""
    files: tuple[Path, ...]
    """In the order of the prepared sequences."""
    read: Callable[[Path], Reading]
    """Reads one file, raising DataError where it is damaged. Must be picklable: it runs in other processes."""
    index: Index
    """Description of the data set, without samples."""
    depends_on: str = ""
    """Other inputs of the result (lists, labels, options), as text; when it changes, all files are read again."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Files that are left out, with the reason."""


def find_named(
    folder: Path, pattern: str, name: re.Pattern[str], example: str, *, within: str = ""
) -> tuple[tuple[Path, ...], dict[str, str]]:
    """List the files under a folder whose names, without suffix, match a form.

    pattern: for `rglob`; name: the form; example: a name of that form, for messages; within: only in folders of that
    name, in lower case, at any depth.
    Returns the files ordered by name, and the other files of the pattern with the reason why they are left out.
    Raises DataError where there is none, or a name occurs twice.
    """
    matching: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        if within and within not in (part.lower() for part in path.parts[:-1]):
            left_out[str(path.relative_to(folder))] = f"not in a folder {within}"
        elif not name.fullmatch(path.stem):
            left_out[str(path.relative_to(folder))] = f"its name is not of a form such as {example}"
        elif path.stem in matching:
            raise DataError(f"{path} and {matching[path.stem]}: the same sequence twice; remove one of them")
        else:
            matching[path.stem] = path
    if not matching:
        raise DataError(f"{folder}: no file in it with a name such as {example}; give the folder of these files")
    return tuple(matching[stem] for stem in sorted(matching)), left_out


def record(sample: Sample, bodies: list[tuple[int, NDArray[np.float32]]], labels: list[NDArray[np.int16]]) -> Recorded:
    """Combine a sample that has no bodies yet with its bodies: (first frame, joints (T, 25, 3), metres) each.

    labels: one (T,) per body. Raises ValueError where there is no body, or one without frames.
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
