"""Compose endless training streams out of labelled recordings.

A live camera shows one thing after another with something in between; most recordings show one thing alone.
So pieces of recordings are laid end to end: each is turned and moved to where the last one stopped, brought to
its body size, and joined by a blended transition, often after standing still for a while. Transitions and
stillness are background. Some pieces are invented: somebody stands or walks, and the arms do what no recording holds.
Most streams show all their recordings in the build of one sensor: what somebody does is not to be told by the sensor.
"""

from collections.abc import Mapping, Set
from collections.abc import Sequence as Recordings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.body_proportions import SensorGeometries, SensorGeometry, measure_geometry, rebuild
from hitrs_live.data.gestures import gesture
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import across_body

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stretch of one person's life. T frames."""

    joints_m: Floats
    """(T, 25, 3)."""
    labels: NDArray[np.int64]
    """(T,)."""
    real_mask: NDArray[np.bool_]
    """(T,); False where the frame was made here, in a transition or a hold."""


@dataclass(frozen=True, kw_only=True)
class ComposeConfig:
    """How pieces are chosen and joined. Lengths in frames."""

    uncut_share: float = 0.25
    """How often a stream is a piece of one recording as it was, where there is a recording of that length."""
    piece: tuple[int, int] = (60, 200)
    blend: tuple[int, int] = (8, 25)
    hold: tuple[int, int] = (10, 60)
    hold_share: float = 0.35
    repeat_share: float = 0.5
    """How often the same person does the same again, as people who exercise do."""
    invented_share: float = 0.2
    """How often a piece has invented arms."""
    standing_share: float = 0.5
    """How often those hang on a body that stands still where it was rather than moves as it did."""
    rebuilt_share: float = 0.8
    """How often all of a stream is shown in one build, be its recordings of whatever sensors."""


class StreamComposer:
    """Draw streams from recordings, every class of a source as often as every other."""

    def __init__(
        self,
        sources: Mapping[str, Recordings[LabelledSequence]],
        weights: Mapping[str, float],
        config: ComposeConfig,
        arms_free: Set[int] = frozenset(),
    ) -> None:
        """weights: how often a piece is of which source; those not named count 1.

        arms_free: the classes that stay what they are whatever the arms do, besides background.
        """
        self._config = config
        measured = [measure_geometry(one.joints_m for one in recordings) for recordings in sources.values()]
        self._builds = SensorGeometries(measured)
        self._own = {
            id(one): build for build, recordings in zip(measured, sources.values(), strict=True) for one in recordings
        }
        shares = np.array([weights.get(name, 1.0) for name in sources])
        self._by_class = [_index_classes(recordings) for recordings in sources.values()]
        self._weights = shares / shares.sum()
        self._free = arms_free | {BACKGROUND}
        # Every source that has such a class gives bodies to invented arms, as often as any other.
        self._bodies = [
            free for classes in self._by_class if (free := {c: classes[c] for c in classes if c in self._free})
        ]

    def draw(self, frames: int, rng: np.random.Generator) -> Stream:
        """Compose one stream of exactly so many frames."""
        build = self._builds.draw(rng) if rng.random() < self._config.rebuilt_share else None
        if rng.random() < self._config.uncut_share:
            label, sequence = self._pick(rng)
            if len(sequence.labels) >= frames:
                return self._crop(sequence, label, frames, build, rng)
        need = frames + int(rng.integers(0, self._config.piece[0]))
        stream, repeat = self._piece(build, rng)
        while len(stream.labels) < need:
            if rng.random() < self._config.hold_share:
                stream = _append(stream, self._hold(stream, rng))
            if self._bodies and rng.random() < self._config.invented_share:
                following = self._invented(build, rng)
            elif rng.random() >= self._config.repeat_share:
                following, repeat = self._piece(build, rng)
            else:
                label = int(repeat.labels[len(repeat.labels) // 2])
                following = self._crop(repeat, label, self._length(rng), build, rng)
            stream = self._join(stream, following, rng)
        start = int(rng.integers(0, len(stream.labels) - frames + 1))
        span = slice(start, start + frames)
        return Stream(joints_m=stream.joints_m[span], labels=stream.labels[span], real_mask=stream.real_mask[span])

    def _piece(self, build: SensorGeometry | None, rng: np.random.Generator) -> tuple[Stream, LabelledSequence]:
        label, sequence = self._pick(rng)
        return self._crop(sequence, label, self._length(rng), build, rng), sequence

    def _invented(self, build: SensorGeometry | None, rng: np.random.Generator) -> Stream:
        """Let a body stand, or move as it did, and do with its arms what nobody recorded."""
        by_class = self._bodies[rng.integers(len(self._bodies))]
        label = int(rng.choice(list(by_class)))
        sequence = by_class[label][rng.integers(len(by_class[label]))]
        body = self._crop(sequence, label, self._length(rng), build, rng)
        if rng.random() < self._config.standing_share or not set(body.labels.tolist()) <= self._free:
            at = int(rng.choice(np.flatnonzero(sequence.labels == label)))
            body = _still(self._show(sequence, slice(at, at + 1), build)[0], self._length(rng), rng)
        return Stream(
            joints_m=gesture(body.joints_m, rng), labels=body.labels, real_mask=np.zeros(len(body.labels), bool)
        )

    def _length(self, rng: np.random.Generator) -> int:
        return int(rng.integers(*self._config.piece))

    def _pick(self, rng: np.random.Generator) -> tuple[int, LabelledSequence]:
        by_class = self._by_class[rng.choice(len(self._by_class), p=self._weights)]
        label = int(rng.choice(list(by_class)))
        return label, by_class[label][rng.integers(len(by_class[label]))]

    def _show(self, sequence: LabelledSequence, span: slice, build: SensorGeometry | None) -> Floats:
        joints = sequence.joints_m[span]
        return joints if build is None else rebuild(joints, self._own[id(sequence)], build)

    def _crop(
        self,
        sequence: LabelledSequence,
        label: int,
        length: int,
        build: SensorGeometry | None,
        rng: np.random.Generator,
    ) -> Stream:
        total = len(sequence.labels)
        at = np.flatnonzero(sequence.labels == label)
        centre = int(rng.choice(at)) if len(at) else total // 2
        start = int(np.clip(centre - rng.integers(0, length), 0, max(0, total - length)))
        span = slice(start, start + length)
        labels = sequence.labels[span]
        joints = self._show(sequence, span, build)
        return Stream(joints_m=joints, labels=labels, real_mask=np.ones(len(labels), bool))

    def _hold(self, stream: Stream, rng: np.random.Generator) -> Stream:
        return _still(stream.joints_m[-1], int(rng.integers(*self._config.hold)), rng)

    def _join(self, before: Stream, after: Stream, rng: np.random.Generator) -> Stream:
        length = int(rng.integers(*self._config.blend))
        placed = place_after(after.joints_m, before.joints_m[-1])
        ease = np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1, None, None]
        ease = ease * ease * (3 - 2 * ease)
        blend = before.joints_m[-1] * (1 - ease) + placed[0] * ease
        follower = Stream(joints_m=placed, labels=after.labels, real_mask=after.real_mask)
        return _append(_append(before, _made(blend)), follower)


def place_after(joints_m: Floats, last: Floats) -> Floats:
    """Move, turn about y and scale a sequence so that it begins where a pose stands.

    joints_m: (T, 25, 3); last: (25, 3). Heights stay relative to the lowest joint of the first frame.
    """
    first = joints_m[0]
    scale = _size(last) / _size(first)
    turn = _heading(last) - _heading(first)
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    centred: Floats = (joints_m - first[0]) * np.float32(scale) @ rotation
    centred += last[0]
    centred[..., 1] += last[:, 1].min() - centred[0, :, 1].min()
    return centred


def _heading(pose: Floats) -> np.float32:
    across = across_body(pose)
    heading: np.float32 = np.arctan2(across[2], across[0])
    return heading


def _size(pose: Floats) -> float:
    return max(0.2, float(np.linalg.norm(pose - pose[list(NTU25.parents)], axis=-1).sum()))


def _still(pose: Floats, frames: int, rng: np.random.Generator) -> Stream:
    """Stand as in a pose, (25, 3), as still as people stand."""
    sway = np.cumsum(rng.normal(0, 0.001, (frames, 1, 3)), axis=0).astype(np.float32)
    return _made(pose + sway)


def _made(joints_m: Floats) -> Stream:
    return Stream(
        joints_m=joints_m,
        labels=np.full(len(joints_m), BACKGROUND),
        real_mask=np.zeros(len(joints_m), bool),
    )


def _append(first: Stream, second: Stream) -> Stream:
    return Stream(
        joints_m=np.concatenate((first.joints_m, second.joints_m)),
        labels=np.concatenate((first.labels, second.labels)),
        real_mask=np.concatenate((first.real_mask, second.real_mask)),
    )


def _index_classes(sequences: Recordings[LabelledSequence]) -> dict[int, list[LabelledSequence]]:
    index: dict[int, list[LabelledSequence]] = {}
    for sequence in sequences:
        for label in np.unique(sequence.labels):
            if label >= 0:
                index.setdefault(int(label), []).append(sequence)
    return index
