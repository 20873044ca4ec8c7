"""Labelled sequences of one or two bodies, read from disk as they are needed.

What `hitrs-live prepare` writes is a folder of three files:

    joints.npy    (rows, 25, 3) float32, metres, y up: one row a body a frame, the frames of a body one after another
    labels.npy    (rows,) int16: class of each row, -1 where it has none
    index.json    `Index`: where each sequence's bodies lie in those rows, whose they are, which splits test on them

Both arrays are memory-mapped: a data set larger than memory costs what is read of it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BROKEN
from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25

FORMAT = 1
UNLABELLED = -1
INDEX, JOINTS, LABELS = "index.json", "joints.npy", "labels.npy"


class Body(msgspec.Struct, frozen=True, array_like=True):
    """One person's rows in a sequence, without gaps."""

    first_row: int
    frames: int
    first_frame: int = 0
    """Frame of the sequence that the first row belongs to."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One sequence: a trimmed action, or a stream of many."""

    name: str
    subject: str = ""
    camera: str = ""
    setup: str = ""
    bodies: tuple[Body, ...]
    """One or more, the most active first."""
    test_of: tuple[str, ...] = ()
    """The splits that test on this sequence."""
    left_out_of: tuple[str, ...] = ()
    """The splits that neither train nor test on it."""


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a data set has beside its numbers."""

    format: int = FORMAT
    name: str
    source: str
    """Where the data came from and under which licence, in words."""
    layout: str = NTU25.name
    rate_hz: float = 30.0
    labels: tuple[str, ...]
    """Class names; a row's label is a position in them."""
    background: int | None = None
    """The class that is none of the actions, where there is one."""
    valid: tuple[bool, ...] = (True,) * len(NTU25)
    """Which joints the sensor really had; the others stand where a neighbour is."""
    splits: tuple[str, ...] = ()
    """Names of the splits, the usual one first."""
    samples: tuple[Sample, ...]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Sequences and where to read them."""

    path: Path
    index: Index
    joints: NDArray[np.floating]
    """(rows, 25, 3), metres, perhaps memory-mapped."""
    labels: NDArray[np.int16]
    """(rows,)."""
    bad_joints: int = 0
    """How many joints had no position in the file and were filled when it was opened."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The sequences, in the order of the file."""
        return self.index.samples

    def joints_m(self, body: Body) -> NDArray[np.float32]:
        """Read one body's joints. Returns (T, 25, 3)."""
        return np.array(self.joints[body.first_row : body.first_row + body.frames], np.float32)

    def labels_of(self, body: Body) -> NDArray[np.int16]:
        """Read the class of each of a body's frames. Returns (T,)."""
        return self.labels[body.first_row : body.first_row + body.frames]

    def label(self, sample: Sample) -> int:
        """Return the class of a trimmed sequence: that of its first frame."""
        return int(self.labels[sample.bodies[0].first_row])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the actions: all labels but the background."""
        return tuple(name for number, name in enumerate(self.index.labels) if number != self.index.background)

    def class_of(self, sample: Sample) -> int:
        """Return the place of a trimmed sequence's class among `classes`.

        Raises DataError where it has none.
        """
        label = self.label(sample)
        if label in (UNLABELLED, self.index.background):
            raise DataError(f"{self.path}: sequence {sample.name} has no class; only labelled ones can be recognised")
        background = self.index.background
        return label - (background is not None and label > background)

    def only(self, samples: Iterator[Sample] | list[Sample] | tuple[Sample, ...]) -> "Dataset":
        """Return the data set with these sequences alone."""
        return replace(self, index=msgspec.structs.replace(self.index, samples=tuple(samples)))

    def split(self, name: str | None = None) -> tuple["Dataset", "Dataset"]:
        """Divide into training and test sequences by a named split, by default the first.

        Raises DataError where the data set has no split of that name.
        """
        known = self.index.splits
        if not known or (name is not None and name not in known):
            raise DataError(
                f"{self.path}: no split {name or ''!r}, it has {', '.join(known) or 'none'}; "
                "name the test subjects with --test-subjects"
            )
        name = name or known[0]
        kept = [sample for sample in self.samples if name not in sample.left_out_of]
        return (
            self.only([sample for sample in kept if name not in sample.test_of]),
            self.only([sample for sample in kept if name in sample.test_of]),
        )

    def with_test_subjects(self, subjects: frozenset[str]) -> "Dataset":
        """Return the data set with one split, `subjects`, that tests on those people.

        Raises DataError where one of them is not in it.
        """
        there = {sample.subject for sample in self.samples}
        if missing := sorted(subjects - there):
            raise DataError(f"{self.path}: no subject {', '.join(missing)}; it has {', '.join(sorted(there))}")
        samples = tuple(
            msgspec.structs.replace(sample, test_of=("subjects",) if sample.subject in subjects else (), left_out_of=())
            for sample in self.samples
        )
        return replace(self, index=msgspec.structs.replace(self.index, samples=samples, splits=("subjects",)))

    def tested_on(self, subjects: frozenset[str] | None, split: str | None) -> "Dataset":
        """Keep what is measured: these subjects, else the test half of the split, else, without a split, everything.

        Raises DataError where there is no such subject or split.
        """
        if subjects:
            return self.with_test_subjects(subjects).split()[1]
        return self.split(split)[1] if split or self.index.splits else self

    def segments(self, min_frames: int = 8) -> "Dataset":
        """Cut every sequence where its label changes, and drop background and what has no label.

        The cut follows the first body; the others are cut at the same frames. A trimmed sequence stays whole,
        however short; a piece of a stream shorter than `min_frames` is a slip of whoever labelled it.
        """
        pieces = [piece for sample in self.samples for piece in self._cut(sample, min_frames)]
        return self.only(pieces)

    def _cut(self, sample: Sample, min_frames: int) -> Iterator[Sample]:
        first = sample.bodies[0]
        labels = self.labels_of(first)
        bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), first.frames]
        for number, (start, end) in enumerate(itertools.pairwise(bounds)):
            label = int(labels[start])
            if label in (UNLABELLED, self.index.background):
                continue
            if len(bounds) == 2:
                yield sample
                continue
            if end - start < min_frames:
                continue
            span = (first.first_frame + start, first.first_frame + end)
            bodies = tuple(cut for body in sample.bodies if (cut := _cut_body(body, *span)) is not None)
            yield msgspec.structs.replace(sample, name=f"{sample.name}#{number}", bodies=bodies)


def _cut_body(body: Body, start: int, end: int) -> Body | None:
    """Keep a body's rows of the sequence's frames start ... end - 1."""
    first, last = max(start, body.first_frame), min(end, body.first_frame + body.frames)
    if first >= last:
        return None
    return Body(first_row=body.first_row + first - body.first_frame, frames=last - first, first_frame=first - start)


def open_prepared(folder: Path) -> Dataset:
    """Open what `hitrs-live prepare` wrote.

    Raises DataError, naming the file and what is wrong with it.
    """
    try:
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=Index)
        joints = np.load(folder / JOINTS, mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / LABELS, mmap_mode="r", allow_pickle=False)
    except (*BROKEN, msgspec.DecodeError) as error:
        raise DataError(f"{folder}: not a prepared data set ({error}); make one with hitrs-live prepare") from None
    _check_index(folder, index)
    rows = max((body.first_row + body.frames for sample in index.samples for body in sample.bodies), default=0)
    if not (
        isinstance(joints, np.ndarray)
        and joints.dtype == np.float32
        and joints.ndim == 3
        and joints.shape[1:] == (len(NTU25), 3)
        and isinstance(labels, np.ndarray)
        and labels.dtype == np.int16
        and labels.shape == joints.shape[:1]
        and len(joints) >= rows
    ):
        raise DataError(
            f"{folder}: {JOINTS} is {_kind(joints)} and {LABELS} {_kind(labels)}, the index wants {rows} rows of "
            f"({len(NTU25)}, 3) float32 and int16; it was cut off or edited, prepare it anew"
        )
    if len(labels) and not (labels.min() >= UNLABELLED and labels.max() < len(index.labels)):
        raise DataError(
            f"{folder}: {LABELS} holds {labels.min()} to {labels.max()}, the index names {len(index.labels)} classes; "
            "it was edited, prepare it anew"
        )
    return Dataset(path=folder, index=index, joints=joints, labels=labels)


def _check_index(folder: Path, index: Index) -> None:
    if index.format != FORMAT:
        raise DataError(f"{folder}: format {index.format}, expected {FORMAT}; prepare it anew with this version")
    if index.layout != NTU25.name or len(index.valid) != len(NTU25):
        raise DataError(
            f"{folder}: {len(index.valid)} joints of layout {index.layout!r}, expected {NTU25.name!r}; prepare it anew"
        )
    for sample in index.samples:
        if not sample.bodies or any(b.first_row < 0 or b.frames < 1 or b.first_frame < 0 for b in sample.bodies):
            raise DataError(
                f"{folder}: {INDEX} gives {sample.name} the bodies {sample.bodies}, expected one or more, each with "
                "a frame or more; it was edited, prepare it anew"
            )


def _kind(array: Any) -> str:
    return f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else "no array"
