"""Synthesise training streams from labelled recordings.

A live camera shows a succession of actions with other movement in between; most recordings contain a single action.
So pieces of recordings are concatenated: each is rotated, moved and scaled to continue the last pose of the one
before, and joined to it by a blended transition, often after standing still for a while. Transitions and standing are
background. Some pieces have synthetic arm movements on a standing or walking body (gestures.py). In most streams all
recordings are retargeted to the geometry of one sensor, so that the sensor does not identify the action.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.body_proportions import SensorGeometries, SensorGeometry, measure_geometry, retarget
from hitrs_live.data.gestures import gesture
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import across_body

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Joints of one person over T frames, with a label per frame."""

    joints_m: Floats
    """(T, 25, 3), metres, y up."""
    labels: NDArray[np.int64]
    """(T,), class of each frame."""
    real_mask: NDArray[np.bool_]
    """(T,); True where the frame was recorded, False where it is synthetic."""


@dataclass(frozen=True, kw_only=True)
class ComposeConfig:
    """How pieces are drawn and joined. Lengths in frames."""

    uncut_share: float = 0.25
    """Share of streams cut from a single recording, where the drawn one is long enough."""
    piece: tuple[int, int] = (60, 200)
    blend: tuple[int, int] = (8, 25)
    hold: tuple[int, int] = (10, 60)
    hold_share: float = 0.35
    repeat_share: float = 0.5
    """Share of pieces that repeat the action of the piece before, by the same person, as in exercising."""
    invented_share: float = 0.2
    """Share of pieces with synthetic arm movements."""
    standing_share: float = 0.5
    """Share of those on a body that stands still rather than moves as recorded."""
    rebuilt_share: float = 0.8
    """Share of streams whose recordings are all retargeted to one sensor geometry."""


class StreamComposer:
    """Draw streams from recordings; all classes of a source are equally frequent."""

    def __init__(
        self,
        sources: Mapping[str, Sequence[LabelledSequence]],
        weights: Mapping[str, float],
        config: ComposeConfig,
        arms_free: Set[int] = frozenset(),
    ) -> None:
        """Measure the sensor geometry of each source and index its recordings by class.

        weights: relative frequency of each source's pieces, 1 for those not named; arms_free: classes, besides
        background, that do not depend on what the arms do.
        """
        self._config = config
        measured = [measure_geometry(one.joints_m for one in recordings) for recordings in sources.values()]
        self._geometries = SensorGeometries(measured)
        self._own = {
            id(one): geometry
            for geometry, recordings in zip(measured, sources.values(), strict=True)
            for one in recordings
        }
        shares = np.array([weights.get(name, 1.0) for name in sources])
        self._by_class = [_index_classes(recordings) for recordings in sources.values()]
        self._weights = shares / shares.sum()
        self._free = arms_free | {BACKGROUND}
        # Bodies for synthetic arm movements: all sources that have such a class are equally frequent.
        self._bodies = [
            free for classes in self._by_class if (free := {c: classes[c] for c in classes if c in self._free})
        ]

    def draw(self, frames: int, rng: np.random.Generator) -> Stream:
        """Draw one stream of exactly so many frames."""
        geometry = self._geometries.draw(rng) if rng.random() < self._config.rebuilt_share else None
        if rng.random() < self._config.uncut_share:
            label, sequence = self._pick(rng)
            if len(sequence.labels) >= frames:
                return self._crop(sequence, label, frames, geometry, rng)
        need = frames + int(rng.integers(0, self._config.piece[0]))
        stream, repeat = self._piece(geometry, rng)
        while len(stream.labels) < need:
            if rng.random() < self._config.hold_share:
                stream = _append(stream, self._hold(stream, rng))
            if self._bodies and rng.random() < self._config.invented_share:
                following = self._synthetic_gestures(geometry, rng)
            elif rng.random() >= self._config.repeat_share:
                following, repeat = self._piece(geometry, rng)
            else:
                label = int(repeat.labels[len(repeat.labels) // 2])
                following = self._crop(repeat, label, self._length(rng), geometry, rng)
            stream = self._join(stream, following, rng)
        start = int(rng.integers(0, len(stream.labels) - frames + 1))
        span = slice(start, start + frames)
        return Stream(joints_m=stream.joints_m[span], labels=stream.labels[span], real_mask=stream.real_mask[span])

    def _piece(self, geometry: SensorGeometry | None, rng: np.random.Generator) -> tuple[Stream, LabelledSequence]:
        label, sequence = self._pick(rng)
        return self._crop(sequence, label, self._length(rng), geometry, rng), sequence

    def _synthetic_gestures(self, geometry: SensorGeometry | None, rng: np.random.Generator) -> Stream:
        """Draw a body that stands, or moves as recorded, with synthetic arm movements."""
        by_class = self._bodies[rng.integers(len(self._bodies))]
        label = int(rng.choice(list(by_class)))
        sequence = by_class[label][rng.integers(len(by_class[label]))]
        body = self._crop(sequence, label, self._length(rng), geometry, rng)
        if rng.random() < self._config.standing_share or not set(body.labels.tolist()) <= self._free:
            at = int(rng.choice(np.flatnonzero(sequence.labels == label)))
            body = _standing(self._read(sequence, slice(at, at + 1), geometry)[0], self._length(rng), rng)
        return Stream(
            joints_m=gesture(body.joints_m, rng), labels=body.labels, real_mask=np.zeros(len(body.labels), bool)
        )

    def _length(self, rng: np.random.Generator) -> int:
        return int(rng.integers(*self._config.piece))

    def _pick(self, rng: np.random.Generator) -> tuple[int, LabelledSequence]:
        by_class = self._by_class[rng.choice(len(self._by_class), p=self._weights)]
        label = int(rng.choice(list(by_class)))
        return label, by_class[label][rng.integers(len(by_class[label]))]

    def _read(self, sequence: LabelledSequence, span: slice, geometry: SensorGeometry | None) -> Floats:
        """Read part of a recording, retargeted to a geometry where one is given."""
        joints = sequence.joints_m[span]
        return joints if geometry is None else retarget(joints, self._own[id(sequence)], geometry)

    def _crop(
        self,
        sequence: LabelledSequence,
        label: int,
        length: int,
        geometry: SensorGeometry | None,
        rng: np.random.Generator,
    ) -> Stream:
        total = len(sequence.labels)
        at = np.flatnonzero(sequence.labels == label)
        centre = int(rng.choice(at)) if len(at) else total // 2
        start = int(np.clip(centre - rng.integers(0, length), 0, max(0, total - length)))
        span = slice(start, start + length)
        labels = sequence.labels[span]
        joints = self._read(sequence, span, geometry)
        return Stream(joints_m=joints, labels=labels, real_mask=np.ones(len(labels), bool))

    def _hold(self, stream: Stream, rng: np.random.Generator) -> Stream:
        return _standing(stream.joints_m[-1], int(rng.integers(*self._config.hold)), rng)

    def _join(self, before: Stream, after: Stream, rng: np.random.Generator) -> Stream:
        length = int(rng.integers(*self._config.blend))
        placed = place_after(after.joints_m, before.joints_m[-1])
        ease = np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1, None, None]
        ease = ease * ease * (3 - 2 * ease)
        blend = before.joints_m[-1] * (1 - ease) + placed[0] * ease
        follower = Stream(joints_m=placed, labels=after.labels, real_mask=after.real_mask)
        return _append(_append(before, _synthetic(blend)), follower)


def place_after(joints_m: Floats, last: Floats) -> Floats:
    """Move, rotate about y and scale a sequence so that it continues a pose.

    joints_m: (T, 25, 3); last: (25, 3), the pose. Returns (T, 25, 3), whose first frame has the pose's horizontal
    position, heading, size and lowest height.
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
    """Return the angle of the body's left-right axis about y, radians. pose: (25, 3)."""
    across = across_body(pose)
    heading: np.float32 = np.arctan2(across[2], across[0])
    return heading


def _size(pose: Floats) -> float:
    """Return the sum of the bones' lengths, metres. pose: (25, 3)."""
    return max(0.2, float(np.linalg.norm(pose - pose[list(NTU25.parents)], axis=-1).sum()))


def _standing(pose: Floats, frames: int, rng: np.random.Generator) -> Stream:
    """Repeat a pose, (25, 3), with the sway of a standing person."""
    sway = np.cumsum(rng.normal(0, 0.001, (frames, 1, 3)), axis=0).astype(np.float32)
    return _synthetic(pose + sway)


def _synthetic(joints_m: Floats) -> Stream:
    """Label frames as synthetic background."""
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


def _index_classes(sequences: Sequence[LabelledSequence]) -> dict[int, list[LabelledSequence]]:
    index: dict[int, list[LabelledSequence]] = {}
    for sequence in sequences:
        for label in np.unique(sequence.labels):
            if label >= 0:
                index.setdefault(int(label), []).append(sequence)
    return index
