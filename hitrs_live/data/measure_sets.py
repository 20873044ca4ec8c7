"""Read the measure-only data sets as streams in front of a camera, with what happens in them as intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, IGNORE, Archive, LabelledSequence, load_archive
from hitrs_live.data.formats.real_clips import TrueAction
from hitrs_live.data.formats.ui_prmd import trim_rest
from hitrs_live.data.interpolation import blend
from hitrs_live.data.protocols import USUAL_RATE_HZ, usual_rate_hz
from hitrs_live.data.reality_classes import MEASURE_SETS, UNLABELLED_ACTION, Meaning, MeasureSet
from hitrs_live.data.stream_synthesis import Floats, place_after
from hitrs_live.errors import DataError

_BLEND = 15
_STILL = 30
"""Frames of standing still between two clips, after the blended transition."""
_LEAD = 30
"""Frames of standing still before a stream of clips, so that the model has an output when the first begins."""
_TAIL = 15
"""Frames of standing still after a clip that is a stream of its own, so that an action can end."""


@dataclass(frozen=True, kw_only=True)
class MeasuredStream:
    """A stream of joints and what happens in it. Seconds from its first frame."""

    sequence: LabelledSequence
    actions: tuple[TrueAction, ...]
    """Known and unknown to a detector."""
    recorded_s: float
    """The time in which false alarms are counted: without the standing still that was put in."""
    near: frozenset[str] = frozenset()
    other: bool = False
    """Whether nothing of a detector's classes happens; here the actions say so instead."""
    left_out: tuple[tuple[float, float], ...] = field(default=())
    """Stretches of which it is not known what happens: what is detected there is not counted."""

    @property
    def name(self) -> str:
        """The name of the stream."""
        return self.sequence.name

    @property
    def labelled_s(self) -> float:
        """The length of the stream."""
        return len(self.sequence.joints_m) / USUAL_RATE_HZ


def available_sets(folder: Path) -> list[str]:
    """List the measure-only sets that the data folder has."""
    return [name for name in MEASURE_SETS if (folder / "measure" / f"{name}.npz").is_file()]


def read_measure_set(folder: Path, name: str) -> list[MeasuredStream]:
    """Read one set of the data folder as streams. Raises DataError where it is missing or damaged."""
    path, about = folder / "measure" / f"{name}.npz", MEASURE_SETS[name]
    archive = load_archive(path)
    rate_hz = float(archive.meta.get("rate_hz", usual_rate_hz(name, ())))
    keep = round(rate_hz / USUAL_RATE_HZ)
    if abs(keep * USUAL_RATE_HZ - rate_hz) > 1e-6 or keep < 1:
        raise DataError(f"{path}: {rate_hz:g} frames a second, expected a multiple of {USUAL_RATE_HZ:g}")
    clips = list(_clips(archive, keep))
    if not about.joined:
        return [_stream(archive, about, clip) for clip in clips]
    ordered = sorted(clips, key=lambda clip: clip.subject)
    return [_join(archive, about, list(group)) for _, group in groupby(ordered, key=lambda clip: clip.subject)]


def labelled_stream(sequence: LabelledSequence, classes: Sequence[str]) -> MeasuredStream:
    """Take a recording with a class for each frame, such as a rendered one, as a stream of the benchmark.

    classes: the name of each class, background first. Runs of IGNORE are left out of all counts.
    """
    runs = list(_runs(sequence))
    actions = tuple(
        TrueAction(label=classes[label], start_s=start / USUAL_RATE_HZ, end_s=end / USUAL_RATE_HZ)
        for label, start, end in runs
        if label not in (BACKGROUND, IGNORE)
    )
    left_out = _left_out(runs)
    recorded_s = len(sequence.labels) / USUAL_RATE_HZ - sum(end_s - start_s for start_s, end_s in left_out)
    return MeasuredStream(sequence=sequence, actions=actions, recorded_s=recorded_s, left_out=left_out)


def _clips(archive: Archive, keep: int) -> Iterator[LabelledSequence]:
    """Yield every recording, each `keep`-th frame of it."""
    ends = np.cumsum(archive.lengths)
    for start, end, name, subject in zip(ends - archive.lengths, ends, archive.names, archive.subjects, strict=True):
        yield LabelledSequence(
            name=name,
            subject=subject,
            joints_m=archive.joints[start:end:keep].astype(np.float32),
            labels=archive.labels[start:end:keep].astype(np.int64),
            valid_mask=archive.valid_mask,
        )


def _stream(archive: Archive, about: MeasureSet, clip: LabelledSequence) -> MeasuredStream:
    """Make a stream of one clip, with standing still around it where the set says so."""
    before, after = (_LEAD, _TAIL) if about.held else (0, 0)
    joints_m = np.concatenate(
        (
            np.repeat(clip.joints_m[:1], before, axis=0),
            clip.joints_m,
            np.repeat(clip.joints_m[-1:], after, axis=0),
        )
    )
    sequence = _sequence(clip, clip.name, joints_m)
    actions, left_out = _actions(archive, about, clip, before)
    return _measured(about, sequence, actions, left_out, frames=len(clip.labels))


def _join(archive: Archive, about: MeasureSet, clips: Sequence[LabelledSequence]) -> MeasuredStream:
    """Join the clips of one person: a blended transition, a second of standing still, then the next clip."""
    pieces: list[Floats] = [np.repeat(clips[0].joints_m[:1], _LEAD, axis=0)]
    actions: list[TrueAction] = []
    left_out: list[tuple[float, float]] = []
    at = _LEAD
    for clip in clips:
        placed = place_after(clip.joints_m, pieces[-1][-1])
        pieces += [blend(pieces[-1][-1], placed[0], _BLEND), np.repeat(placed[:1], _STILL, axis=0), placed]
        at += _BLEND + _STILL
        found, unknown = _actions(archive, about, clip, at)
        actions += found
        left_out += unknown
        at += len(placed)
    sequence = _sequence(clips[0], clips[0].subject, np.concatenate(pieces))
    return _measured(about, sequence, actions, left_out, frames=sum(len(clip.labels) for clip in clips))


def _sequence(clip: LabelledSequence, name: str, joints_m: Floats) -> LabelledSequence:
    labels = np.full(len(joints_m), BACKGROUND, np.int64)
    return LabelledSequence(
        name=name, subject=clip.subject, joints_m=joints_m, labels=labels, valid_mask=clip.valid_mask
    )


def _measured(
    about: MeasureSet,
    sequence: LabelledSequence,
    actions: Sequence[TrueAction],
    left_out: Sequence[tuple[float, float]],
    *,
    frames: int,
) -> MeasuredStream:
    unknown_s = sum(end_s - start_s for start_s, end_s in left_out)
    return MeasuredStream(
        sequence=sequence,
        actions=tuple(actions),
        recorded_s=frames / USUAL_RATE_HZ - unknown_s,
        left_out=tuple(left_out),
    )


def _actions(
    archive: Archive, about: MeasureSet, clip: LabelledSequence, before: int
) -> tuple[list[TrueAction], list[tuple[float, float]]]:
    """Find the actions of a clip that begins `before` frames into its stream, and what is left out."""
    actions, left_out = [], []
    for label, start, end in _runs(trim_rest(clip) if about.from_rest else clip):
        meaning = _meaning(archive, about, clip.name, label)
        if label not in archive.label_names and about.near_background:
            meaning = Meaning(label=UNLABELLED_ACTION, right=(), near=about.near_background)
        start_s, end_s = (before + start) / USUAL_RATE_HZ, (before + end) / USUAL_RATE_HZ
        if meaning is not None:
            actions.append(
                TrueAction(
                    label=meaning.label, start_s=start_s, end_s=end_s,
                    right=frozenset(meaning.right), near=frozenset(meaning.near),
                )
            )  # fmt: skip
        elif label in archive.label_names:
            left_out.append((start_s, end_s))
    return actions, left_out


def _meaning(archive: Archive, about: MeasureSet, recording: str, label: int) -> Meaning | None:
    return about.recordings.get(recording) or about.classes.get(archive.label_names.get(label, ""))


def _runs(sequence: LabelledSequence) -> Iterator[tuple[int, int, int]]:
    """Yield label, first frame and the frame after the last of each run of equal labels."""
    edges = np.flatnonzero(np.diff(sequence.labels)) + 1
    bounds = [0, *edges.tolist(), len(sequence.labels)]
    for start, end in pairwise(bounds):
        if end > start:
            yield int(sequence.labels[start]), start, end


def _left_out(runs: Sequence[tuple[int, int, int]]) -> tuple[tuple[float, float], ...]:
    return tuple((start / USUAL_RATE_HZ, end / USUAL_RATE_HZ) for label, start, end in runs if label == IGNORE)
