"""The joint streams that are rendered: of files in the array format, of folders of them, and of synthetic motion."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import Archive, load_archive
from hitrs_live.data.protocols import split_names, usual_rate_hz
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.errors import DataError

Floats = NDArray[np.float32]
Split = Literal["all", "train", "test"]

_FRAME_LABELS: Final = ("phase", "repetition", "onset", "near_miss")


@dataclass(frozen=True, kw_only=True)
class SourceStream:
    """Joints of one person, with labels. T frames."""

    source: str
    """Name of its file, without suffix."""
    name: str
    subject: str
    joints_m: Floats
    """(T, 25, 3), metres, y up."""
    rate_hz: float
    labels: Mapping[str, NDArray[Any]]
    """(T,) each: "labels", the class, and what else the file has of every frame (labelled_motion.py)."""
    label_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return (len(self.joints_m) - 1) / self.rate_hz

    def cut(self, start: int, frames: int) -> "SourceStream":
        """Return part of the stream."""
        part = slice(start, start + frames)
        return SourceStream(
            source=self.source, name=self.name, subject=self.subject, joints_m=self.joints_m[part],
            rate_hz=self.rate_hz, labels={key: values[part] for key, values in self.labels.items()},
            label_names=self.label_names,
        )  # fmt: skip


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Return the array files that paths stand for; a folder stands for every .npz in it.

    Raises DataError where there is none, or two have the same name.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not inside:
            raise DataError(f"{path}: a folder without any .npz; expected files in the array format")
        files += inside
    stems = [file.stem for file in files]
    if doubled := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise DataError(f"two files are called {doubled[0]}.npz; rename one, for views are named by their file")
    return files


def choose_sequences(
    file: Path, *, split: Split = "all", subjects: frozenset[str] | None = None, most: int | None = None, seed: int = 0
) -> list[int]:
    """Choose sequences of a file, spread over its classes. Returns their positions, in the order of the choice.

    split: "train" leaves out LEFT_OUT_SUBJECTS, "test" takes those alone. subjects: only these people. most: how many;
    a larger number adds to the choice of a smaller one.
    Raises DataError where nothing is left.
    """
    archive = _archive(file)
    held_out = LEFT_OUT_SUBJECTS.get(file.stem, frozenset())
    chosen = [
        number
        for number, subject in enumerate(archive.subjects)
        if (split == "all" or (subject in held_out) == (split == "test")) and (subjects is None or subject in subjects)
    ]
    if not chosen:
        people = ", ".join(sorted(set(archive.subjects))[:12])
        raise DataError(f"{file}: no sequence of the chosen people; it has {people}; change --subjects or --split")
    rng = np.random.default_rng([seed, zlib.crc32(file.stem.encode())])
    rng.shuffle(chosen)
    ordered = _spread(chosen, [_main_class(archive, number) for number in chosen])
    return ordered[:most]


def load_stream(file: Path, number: int) -> SourceStream:
    """Return one sequence of a file. Raises DataError where the file is damaged."""
    archive = _archive(file)
    end = int(archive.lengths[: number + 1].sum())
    part = slice(end - int(archive.lengths[number]), end)
    labels = {"labels": archive.labels[part].astype(np.int64)}
    labels |= {key: values[part] for key, values in _frame_labels(file).items()}
    rate = archive.meta.get("rate_hz", usual_rate_hz(file.stem, split_names(file.stem, archive.names)))
    return SourceStream(
        source=file.stem, name=archive.names[number], subject=archive.subjects[number],
        joints_m=archive.joints[part].astype(np.float32), rate_hz=float(rate), labels=labels,
        label_names=_names(archive),
    )  # fmt: skip


def sequence_name(file: Path, number: int) -> str:
    """Return the name of one sequence of a file."""
    return _archive(file).names[number]


def draw_piece(stream: SourceStream, seconds: float | None, rng: np.random.Generator) -> SourceStream:
    """Cut a piece of at most that length at a random place; the whole stream where it is shorter or seconds is None."""
    frames = len(stream.joints_m) if seconds is None else round(seconds * stream.rate_hz) + 1
    if frames >= len(stream.joints_m):
        return stream
    return stream.cut(int(rng.integers(len(stream.joints_m) - frames + 1)), frames)


@lru_cache(maxsize=4)
def _archive(file: Path) -> Archive:
    return load_archive(file)


@lru_cache(maxsize=4)
def _frame_labels(file: Path) -> Mapping[str, NDArray[Any]]:
    frames = len(_archive(file).joints)
    with np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in _FRAME_LABELS if key in arrays and arrays[key].shape == (frames,)}


def _names(archive: Archive) -> Mapping[int, str]:
    """Return the classes' names by number; the number itself where the file does not name it."""
    return {int(number): archive.label_names.get(int(number), str(number)) for number in np.unique(archive.labels)}


def _main_class(archive: Archive, number: int) -> int:
    """Return the most frequent class of a sequence other than 0, or 0."""
    end = int(archive.lengths[: number + 1].sum())
    labels = archive.labels[end - int(archive.lengths[number]) : end]
    actions, counts = np.unique(labels[labels > 0], return_counts=True)
    return int(actions[np.argmax(counts)]) if len(actions) else 0


def _spread(numbers: Sequence[int], classes: Sequence[int]) -> list[int]:
    """Order sequences so that any beginning of the list has about as many of every class."""
    groups: dict[int, list[int]] = {}
    for number, label in zip(numbers, classes, strict=True):
        groups.setdefault(label, []).append(number)
    return list(_in_turn([groups[label] for label in sorted(groups)]))


def _in_turn(groups: Sequence[Sequence[int]]) -> Iterator[int]:
    for place in range(max(map(len, groups))):
        yield from (group[place] for group in groups if place < len(group))
