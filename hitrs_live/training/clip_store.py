"""Clips of banks in memory, with the classes of a detector: what its video level and head are trained on.

The frame and clip levels, most of the cost of a training step, were computed once when the banks were built. So the
levels above see a thousand times as many windows in the same time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.similar_classes import SimilarClasses, named_alike
from hitrs_live.errors import DataError
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.bank_format import EncoderDescription
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.class_targets import absent_classes, known_classes


class ClipStore:
    """All clips of some banks: N rows, V views, K classes, S sources. Rows of a stream follow each other in time."""

    def __init__(self, banks: Sequence[Bank], labels: Sequence[str] | None = None) -> None:
        """Read banks of one encoder.

        labels: the detector's classes, background first; by default all that the banks label. An action that is none
        of them counts as background. Raises DataError where a bank has a row at every frame, not at every clip, or
        other views than the first one.
        """
        for bank in banks:
            _check(bank, banks[0])
        alike = [tuple(map(named_alike, bank.classes)) for bank in banks]
        self.labels = (
            tuple(dict.fromkeys(name for names in alike for name in names)) if labels is None else tuple(labels)
        )
        self.tokens = np.concatenate([_all_tokens(bank) for bank in banks])
        """(N, V, C), half precision; view 1, where there is one, is the mirror image."""
        tables = [np.array([self._number(name) for name in names]) for names in alike]
        pairs = list(zip(banks, tables, strict=True))
        self.class_of = np.concatenate([_renumbered(bank.labels, table) for bank, table in pairs])
        """(N,), class of each clip; IGNORE where unknown."""
        self.near_miss = np.concatenate([_renumbered(bank.near_miss, table) for bank, table in pairs])
        """(N,), the class that a background clip nearly is; BACKGROUND for none."""
        self.first, self.end = _bounds(banks)
        """(N,) each: first row of the row's stream, and the one after its last."""
        self.sources = tuple(dict.fromkeys(stream.source for bank in banks for stream in bank.streams))
        self.source_of = np.concatenate([_sources(bank, self.sources) for bank in banks])
        """(N,), number of each clip's source."""
        labelled = {source: [*map(named_alike, bank.classes_of(source))] for bank in banks for source in bank.sources()}
        self.known = np.stack([known_classes(labelled[one], self.labels) for one in self.sources])
        """(S, K) bool, whether a source labels a class wherever it occurs."""
        self.absent = np.stack([absent_classes(one, labelled[one], self.labels) for one in self.sources])
        """(S, K) bool, whether a class does not occur in a source without a label."""
        self.similar = SimilarClasses.among(self.labels)
        self.stride_frames = banks[0].info.step_frames
        """Frames from one row to the next."""
        mirrored = mirrored_labels(self.labels)
        self.mirrored = np.where(mirrored < 0, IGNORE, mirrored)
        """(K,), class of the mirror image; IGNORE for a class of one side without its counterpart."""
        self.hours = sum(bank.hours for bank in banks)

    def __len__(self) -> int:
        """Return the number of clips, N."""
        return len(self.class_of)

    @property
    def views(self) -> int:
        """1, or 2 where there are mirror images."""
        return int(self.tokens.shape[1])

    def mirror(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the classes of mirror images. labels: of any shape."""
        return np.where(labels == IGNORE, IGNORE, self.mirrored[np.maximum(labels, BACKGROUND)])

    def _number(self, name: str) -> int:
        return self.labels.index(name) if name in self.labels else BACKGROUND


def read_clip_store(
    folders: Sequence[Path], encoder: EncoderDescription, labels: Sequence[str] | None = None
) -> ClipStore:
    """Open banks of an encoder and read them whole; labels: as ClipStore takes them.

    Raises DataError as `Bank.open` and ClipStore do, CheckpointMismatch where a bank is another encoder's.
    """
    return ClipStore([Bank.open(folder, encoder) for folder in folders], labels)


def _check(bank: Bank, first: Bank) -> None:
    if bank.info.step_frames != bank.info.encoder.stride_frames:
        raise DataError(
            f"{bank.path}: a row every {bank.info.step_frames} frames, expected one every "
            f"{bank.info.encoder.stride_frames}; build a bank to train on with --update clip"
        )
    if bank.info.views != first.info.views:
        raise DataError(
            f"{bank.path}: {bank.info.views} views, expected {first.info.views} as in {first.path}; build both with "
            "or both without --mirror"
        )


def _all_tokens(bank: Bank) -> NDArray[np.float16]:
    rows = np.arange(len(bank))
    return np.stack([bank.tokens(rows, view) for view in range(bank.info.views)], axis=1)


def _renumbered(values: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(values == IGNORE, IGNORE, table[np.maximum(values, BACKGROUND)])


def _bounds(banks: Sequence[Bank]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    firsts, ends, before = [], [], 0
    for bank in banks:
        first = np.searchsorted(bank.stream, bank.stream, side="left")
        end = np.searchsorted(bank.stream, bank.stream, side="right")
        firsts.append(first + before)
        ends.append(end + before)
        before += len(bank)
    return np.concatenate(firsts), np.concatenate(ends)


def _sources(bank: Bank, sources: Sequence[str]) -> NDArray[np.int64]:
    return np.array([sources.index(stream.source) for stream in bank.streams])[bank.stream]
