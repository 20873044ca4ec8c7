"""Hours of training streams in memory: joints as the live path sees them, with a class for each frame.

What a source does not label is unknown, not background: recordings of exercises do not say whether a person turned or
waved in between. `StreamStore.known` says which classes each source labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion, read_motions
from hitrs_live.data.similar_classes import SimilarClasses, named_alike
from hitrs_live.errors import DataError
from hitrs_live.negative_bank.stream_files import source_of, stream_files
from hitrs_live.training.class_targets import absent_classes, known_classes


@dataclass(frozen=True, kw_only=True)
class StoredStream:
    """One stream within the store."""

    first: int
    """Its first frame among all frames."""
    frames: int
    source: int
    """Number of its source."""


class StreamStore:
    """All streams one after the other: N frames, K classes, S sources."""

    def __init__(
        self, motions: Mapping[str, Sequence[LabelledMotion]], classes: Mapping[str, Sequence[str]],
        labels: Sequence[str],
    ) -> None:  # fmt: skip
        """Join streams.

        motions: by source; classes: names by the number of a label, by source; labels: the detector's classes,
        background first. An action that is none of them counts as background. Raises DataError where there is no
        stream.
        """
        self.labels = tuple(labels)
        classes = {source: tuple(map(named_alike, names)) for source, names in classes.items()}
        self.sources = tuple(motions)
        joined = [
            (number, _renumbered(motion, classes[source], self.labels))
            for number, source in enumerate(self.sources)
            for motion in motions[source]
        ]
        if not joined:
            raise DataError("no stream to train on; write some with: hitrs-live bank streams")
        lengths = np.array([len(motion) for _, motion in joined])
        firsts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        self.streams = tuple(
            StoredStream(first=int(first), frames=len(motion), source=number)
            for first, (number, motion) in zip(firsts, joined, strict=True)
        )
        self.joints_m = np.concatenate([motion.joints_m.astype(np.float16) for _, motion in joined])
        """(N, 25, 3), metres, half precision: millimetres at the distances of bodies."""
        self.class_of = np.concatenate([motion.labels for _, motion in joined]).astype(np.int16)
        """(N,), class of each frame; IGNORE where unknown."""
        self.near_miss = np.concatenate([motion.near_miss for _, motion in joined]).astype(np.int16)
        """(N,), the class that a background frame nearly is; BACKGROUND for none."""
        self.stream_of = np.repeat(np.arange(len(joined)), lengths).astype(np.int32)
        """(N,), number of each frame's stream."""
        self.similar = SimilarClasses.among(self.labels)
        self.known = np.stack([known_classes(classes[source], self.labels) for source in self.sources])
        """(S, K) bool, whether a source labels a class wherever it occurs."""
        self.absent = np.stack([absent_classes(source, classes[source], self.labels) for source in self.sources])
        """(S, K) bool, whether a class does not occur in a source without a label."""

    @property
    def hours(self) -> float:
        """Length of all streams."""
        return len(self.class_of) / RATE_HZ / 3600

    def frames_by_class(self) -> dict[int, NDArray[np.int64]]:
        """Return the frames of each action that occurs, by class."""
        present = np.unique(self.class_of[self.class_of > BACKGROUND]).tolist()
        return {number: np.flatnonzero(self.class_of == number) for number in present}


def read_store(folders: Sequence[Path], labels: Sequence[str] | None = None) -> StreamStore:
    """Read the files of `hitrs-live bank streams`.

    labels: the detector's classes, background first; by default all that the sources label. Raises DataError where
    a folder has no file, or one is damaged.
    """
    for folder in folders:
        if not stream_files(folder):
            raise DataError(f"{folder}: no streams; write some with: hitrs-live bank streams --out {folder}")
    motions: dict[str, list[LabelledMotion]] = {}
    classes: dict[str, tuple[str, ...]] = {}
    for path in (path for folder in folders for path in stream_files(folder)):
        source = source_of(path)
        read, classes[source] = read_motions(path)
        motions.setdefault(source, []).extend(read)
    if labels is None:
        labels = tuple(dict.fromkeys(named_alike(name) for names in classes.values() for name in names))
    return StreamStore(motions, classes, labels)


def _renumbered(motion: LabelledMotion, classes: Sequence[str], labels: Sequence[str]) -> LabelledMotion:
    table = np.array([labels.index(name) if name in labels else BACKGROUND for name in classes])

    def mapped(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(values == IGNORE, IGNORE, table[np.maximum(values, BACKGROUND)])

    return replace(motion, labels=mapped(motion.labels), near_miss=mapped(motion.near_miss))
