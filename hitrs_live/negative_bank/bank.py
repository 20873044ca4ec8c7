"""Read a bank: hours of clip embeddings with labels, memory-mapped, in windows as a video head reads them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.errors import DataError
from hitrs_live.negative_bank.bank_format import (
    BankInfo,
    EncoderDescription,
    Part,
    StreamInfo,
    read_bank_info,
    read_parts,
)
from hitrs_live.negative_bank.encoder import check_encoder
from hitrs_live.skeleton import mirrored_labels

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BankWindows:
    """n windows of W clips, each ending at one row of the bank."""

    clips: NDArray[np.float16]
    """(n, W, C), oldest first from position 0; what lies past `valid_clips` is zero."""
    valid_clips: NDArray[np.int64]
    """(n,), 1 or more: how many of them are valid; fewer than W at the beginning of a stream."""
    labels: NDArray[np.int64]
    """(n,), class of the newest clip; IGNORE where unknown."""
    near_miss: NDArray[np.int64]
    """(n,), the class that a background clip nearly is; BACKGROUND for none."""
    since_onset: NDArray[np.int64]
    """(n,), frames since the onset of the action; -1 in background."""
    rows: NDArray[np.int64]
    """(n,), the rows of the bank."""


@dataclass(frozen=True, kw_only=True)
class SourceSummary:
    """What a bank has of one source."""

    hours: float
    streams: int
    rows: int
    licence: str
    by_label: Mapping[str, int]
    """Rows by class name; `unknown` for those of unknown class."""
    near_misses: int
    """Rows that nearly are a class."""
    lost: float
    """Share of frames in which the person was not found."""


class Bank:
    """All parts of a bank as one: N rows of S streams, K classes. Rows of a stream follow each other in time."""

    def __init__(self, path: Path, info: BankInfo, parts: Sequence[Part], ignored: Sequence[str]) -> None:
        """Join the parts; `open` reads them."""
        self.path = path
        self.info = info
        self.ignored = tuple(ignored)
        """One line for each part that could not be read."""
        self.classes: tuple[str, ...] = tuple(dict.fromkeys(name for part in parts for name in part.info.classes))
        """Names by the number of a label, background first."""
        self.streams: tuple[StreamInfo, ...] = tuple(stream for part in parts for stream in part.info.streams)
        self._parts = parts
        self._licences = {name: licence for part in parts for name, licence in part.info.licences.items()}
        streams_before = np.cumsum([0, *(len(part.info.streams) for part in parts)])
        self._rows_before = np.cumsum([0, *(part.info.rows for part in parts)])
        self.stream = _joined([part.rows["stream"] + streams_before[n] for n, part in enumerate(parts)])
        """(N,), number of each row's stream."""
        self.frame = _joined([part.rows["frame"] for part in parts])
        """(N,), frame of the stream after which the clip was complete."""
        self.labels = _joined([self._renumber(part, "label") for part in parts])
        """(N,), class of each row; IGNORE where unknown."""
        self.near_miss = _joined([self._renumber(part, "near_miss") for part in parts])
        """(N,)."""
        self.since_onset = _joined([part.rows["since_onset"] for part in parts])
        """(N,)."""
        self._first_row = np.searchsorted(self.stream, np.arange(len(self.streams)))

    @classmethod
    def open(cls, path: Path, encoder: EncoderDescription | None = None) -> "Bank":
        """Open a bank. encoder: the one whose tokens are expected, None for any.

        A part that is unfinished or damaged is ignored, with a warning. Raises DataError where there is no bank or no
        part of one, CheckpointMismatch where its tokens are another encoder's.
        """
        info = read_bank_info(path)
        if encoder is not None:
            check_encoder(info, encoder, bank_name=str(path))
        parts, ignored = [], []
        for one in read_parts(path, info):
            if isinstance(one, Part):
                parts.append(one)
            else:
                _LOG.warning("%s", one)
                ignored.append(one)
        if not any(part.info.rows for part in parts):
            raise DataError(f"{path}: a bank without a row; run the command that builds it to its end")
        return cls(path, info, parts, ignored)

    def __len__(self) -> int:
        """Return the number of rows, N."""
        return len(self.labels)

    @property
    def hours(self) -> float:
        """Length of all streams together."""
        return self._hours(self.streams)

    @property
    def seconds(self) -> float:
        """What making and encoding took, on one core."""
        return sum(part.info.seconds for part in self._parts)

    def sources(self) -> dict[str, SourceSummary]:
        """Summarise each source, in the order of their first streams."""
        names = tuple(dict.fromkeys(stream.source for stream in self.streams))
        number_of = {name: number for number, name in enumerate(names)}
        source_of_stream = np.array([number_of[stream.source] for stream in self.streams])
        of_row = source_of_stream[self.stream]
        return {name: self._summarise(name, of_row == number) for name, number in number_of.items()}

    def classes_of(self, source: str) -> tuple[str, ...]:
        """Return the classes that a source labels, background first."""
        parts = [part for part in self._parts if source in part.info.licences]
        return tuple(dict.fromkeys(name for part in parts for name in part.info.classes))

    def stream_rows(self, stream: int) -> slice:
        """Return the rows of a stream."""
        end = self._first_row[stream + 1] if stream + 1 < len(self.streams) else len(self)
        return slice(int(self._first_row[stream]), int(end))

    def tokens(self, rows: NDArray[np.int64], view: int = 0) -> NDArray[np.float16]:
        """Read the embeddings of rows of any shape. view: 1 for the mirror images. Returns (..., C).

        Raises DataError, naming the part, where one is not finite.
        """
        flat = rows.ravel()
        tokens = np.empty((len(flat), self.info.encoder.width), np.float16)
        part_of = np.searchsorted(self._rows_before, flat, side="right") - 1
        for number in np.unique(part_of).tolist():
            here = part_of == number
            part = self._parts[number]
            tokens[here] = part.tokens[flat[here] - self._rows_before[number], view]
            if not np.isfinite(tokens[here]).all():
                raise DataError(f"{part.path}: tokens that are not finite; remove the folder and build it again")
        return tokens.reshape(*rows.shape, -1)

    def windows(
        self,
        rng: np.random.Generator,
        count: int,
        *,
        clips: int | None = None,
        rows: NDArray[np.int64] | None = None,
        mirror_share: float = 0.0,
        shorten_share: float = 0.0,
    ) -> BankWindows:
        """Draw windows with equal chances of every row.

        clips: W, by default what the encoder's head reads; rows: rows to draw from, by default all whose class is
        known; mirror_share: share of windows of mirror images, whose labels are those of the other side; shorten_share:
        share whose history is cut to a random length, so that a head does not learn short windows from the sources
        whose streams are short. Raises ValueError for mirror images that the bank does not have.
        """
        among = np.flatnonzero(self.labels != IGNORE) if rows is None else rows
        if not len(among):
            raise ValueError("no row to draw from: expected at least one")
        drawn = among[rng.integers(0, len(among), count)]
        window = self.info.encoder.window_clips if clips is None else clips
        shortened = rng.random(count) < shorten_share
        most = np.where(shortened, rng.integers(1, window + 1, count), window)
        mirrored = rng.random(count) < mirror_share
        if not mirrored.any():
            return self.windows_at(drawn, clips=window, most_clips=most)
        halves = [
            self.windows_at(drawn[chosen], clips=window, view=view, most_clips=most[chosen])
            for view, chosen in ((0, ~mirrored), (1, mirrored))
        ]
        back = np.argsort(np.concatenate((np.flatnonzero(~mirrored), np.flatnonzero(mirrored))))
        return BankWindows(
            **{
                field.name: np.concatenate([getattr(half, field.name) for half in halves])[back]
                for field in fields(BankWindows)
            }
        )

    def windows_at(
        self,
        rows: NDArray[np.int64],
        *,
        clips: int | None = None,
        view: int = 0,
        most_clips: NDArray[np.int64] | None = None,
    ) -> BankWindows:
        """Read the windows that end at rows, (n,).

        clips: W; view: 1 for the mirror images; most_clips: (n,), the most that each window may hold, as if its
        history had begun later.
        """
        if view >= self.info.views:
            raise ValueError(f"view {view} of a bank with {self.info.views}: build one with --mirror")
        window = self.info.encoder.window_clips if clips is None else clips
        phases = self.info.encoder.stride_frames // self.info.step_frames
        first = self._first_row[self.stream[rows]]
        valid = np.minimum((rows - first) // phases + 1, window)
        valid = valid if most_clips is None else np.minimum(valid, most_clips)
        age = valid[:, None] - 1 - np.arange(window)
        there = age >= 0
        read = self.tokens(rows[:, None] - np.maximum(age, 0) * phases, view)
        read[~there] = 0
        labels, near_miss = self.labels[rows], self.near_miss[rows]
        if view:
            labels, near_miss = self._mirror(labels), self._mirror(near_miss)
        return BankWindows(
            clips=read, valid_clips=valid, labels=labels, near_miss=near_miss, since_onset=self.since_onset[rows],
            rows=rows,
        )  # fmt: skip

    def label_numbers(self, classes: Sequence[str], unknown: int = BACKGROUND) -> NDArray[np.int64]:
        """Return the number of each class of the bank in another list of classes, (K,).

        unknown: for classes that are not in it; BACKGROUND where they are other actions.
        """
        return np.array([classes.index(name) if name in classes else unknown for name in self.classes])

    def labels_for(self, classes: Sequence[str], unknown: int = BACKGROUND) -> NDArray[np.int64]:
        """Return the class of each row in another list of classes, (N,); IGNORE where it is unknown.

        unknown: as in `label_numbers`; a detector's negatives are the rows of BACKGROUND.
        """
        return np.where(self.labels == IGNORE, IGNORE, self.label_numbers(classes, unknown)[self.labels])

    def _mirror(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        swapped = np.where(labels >= 0, mirrored_labels(self.classes)[labels], IGNORE)
        return np.where(swapped < 0, IGNORE, swapped)

    def _renumber(self, part: Part, key: str) -> NDArray[np.int64]:
        numbers = np.array([self.classes.index(name) for name in part.info.classes])
        given = part.rows[key].astype(np.int64)
        return np.where(given == IGNORE, IGNORE, numbers[given])

    def _hours(self, streams: Sequence[StreamInfo]) -> float:
        return sum(stream.frames for stream in streams) / self.info.encoder.normaliser.rate_hz / 3600

    def _summarise(self, name: str, chosen: NDArray[np.bool_]) -> SourceSummary:
        streams = [stream for stream in self.streams if stream.source == name]
        counts = np.bincount(self.labels[chosen] + 1, minlength=len(self.classes) + 1).tolist()
        frames = sum(stream.frames for stream in streams)
        by_label = {label: count for label, count in zip(("unknown", *self.classes), counts, strict=True) if count}
        return SourceSummary(
            hours=self._hours(streams),
            streams=len(streams),
            rows=int(chosen.sum()),
            licence=self._licences.get(name, "not stated"),
            by_label=by_label,
            near_misses=int((self.near_miss[chosen] > BACKGROUND).sum()),
            lost=sum(stream.lost * stream.frames for stream in streams) / max(frames, 1),
        )


def _joined(parts: Sequence[NDArray[np.integer]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *(part.astype(np.int64) for part in parts)])
