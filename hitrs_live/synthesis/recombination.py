"""Recombine real recordings: legs of one, arms of another, real idle motion below real gestures, near misses.

Every data set shows each class with its own habits: in one of them all squats are done with raised arms, so a model
learns the arms. Here the parts of the body that do not define a class come from another recording.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.body_proportions import SensorGeometries, measure_geometry
from hitrs_live.data.class_map import read_background, read_ship
from hitrs_live.data.gestures import gesture
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.synthesis.class_parts import BACKGROUND_NAME, GAITS, combined_class, nearly, part_of
from hitrs_live.synthesis.combination import Shares, combine, fault_of
from hitrs_live.synthesis.donors import Donors
from hitrs_live.synthesis.joining import join, label_motion
from hitrs_live.synthesis.near_misses import has_near_miss, kinds_of, make_near_miss
from hitrs_live.synthesis.recorded_body import RecordedBody, at_pace, conform, draw_recorded_body, mirror_body
from hitrs_live.synthesis.segments import RecordedSegment, cut_segments
from hitrs_live.synthesis.sway import tremor_m

Floats = NDArray[np.float32]

_GESTURES: Final = ("cmu_signals", "labanotation_gestures")
"""Files of gestures that are none of the shipped classes."""
_TRIES: Final = 30
_NAME: Final = "recombined"
_OTHER_TRUNK: Final = 0.3
"""Greatest share of the arms' recording in the trunk of an action of the legs, whose lean belongs to it."""


@dataclass(frozen=True, kw_only=True)
class RecombinationConfig:
    """How often each kind of piece is drawn, and how long and fast pieces are."""

    weights: Mapping[str, float] = field(
        default_factory=lambda: {"legs": 0.35, "arms": 0.2, "whole": 0.1, "idle": 0.2, "near_miss": 0.15}
    )
    """legs, arms: an action of those with other arms or legs; whole: a recording as it is; idle: a person who stands,
    with the arms of someone else; near_miss."""
    part_frames: tuple[int, int] = (45, 150)
    """Length of a piece of a recording that shows no single repetitions."""
    tempo: tuple[float, float] = (0.6, 1.7)
    """Speed, relative to the recording's."""
    most_repetitions: int = 3
    mirrored_share: float = 0.5


class Recombiner:
    """Draws streams of recombined recordings. `counts` says how many combinations were accepted, and why not."""

    def __init__(
        self,
        sources: Mapping[str, Sequence[LabelledSequence]],
        classes: tuple[str, ...] = LABELS,
        config: RecombinationConfig | None = None,
    ) -> None:
        """Measure where each source's sensor places joints, and index its recordings by class.

        sources: recordings by data set; classes: names of their labels, background first.
        Raises ValueError where there is no recording of a person who stands: arms of an action need legs to be put on.
        """
        self._classes = classes
        self._config = config or RecombinationConfig()
        self._mirrored = mirrored_labels(classes)
        geometries = {name: measure_geometry(one.joints_m for one in found) for name, found in sources.items()}
        self._own = {id(one): geometries[name] for name, found in sources.items() for one in found}
        self._geometries = SensorGeometries(geometries.values())
        self._donors = Donors(
            [list(cut_segments(sources[name], geometries[name], classes)) for name in sources], classes
        )
        self.counts: Counter[str] = Counter()

    def draw(self, frames: int, rng: np.random.Generator) -> LabelledMotion:
        """Draw a stream of one body of so many frames."""
        body = draw_recorded_body(self._geometries, rng)
        subject = f"body{rng.integers(10**9):09d}"
        stream: LabelledMotion | None = None
        while stream is None or len(stream) < frames:
            for piece in self._piece(body, subject, rng):
                stream = piece if stream is None else join(stream, piece, body, rng)
        return stream.at(slice(frames))

    def near_miss(self, sequence: LabelledSequence, rng: np.random.Generator) -> LabelledMotion:
        """Turn an action in a recording into a near miss: background, whose `near_miss` is the action's class.

        Raises ValueError where the recording has no action that a near miss exists of.
        """
        geometry = self._own.get(id(sequence)) or measure_geometry([sequence.joints_m])
        segments = [
            s for s in cut_segments([sequence], geometry, self._classes) if has_near_miss(self._classes[s.label])
        ]
        if not segments:
            raise ValueError(
                f"{sequence.name}: no action with near misses; expected one that is not walking or running"
            )
        body = draw_recorded_body(self._geometries, rng)
        return self._near_miss(segments[rng.integers(len(segments))], body, f"body{rng.integers(10**9):09d}", rng)

    def _piece(self, body: RecordedBody, subject: str, rng: np.random.Generator) -> list[LabelledMotion]:
        """Draw one action, a series of repetitions of one, or a background motion; a repetition is a motion."""
        kinds, weights = zip(*self._config.weights.items(), strict=True)
        kind = str(rng.choice(kinds, p=np.array(weights) / sum(weights)))
        for _ in range(_TRIES):
            if kind == "whole" and (action := self._donors.action(rng)):
                found = [self._whole(action, body, subject, rng)]
            elif kind == "near_miss" and self._donors.with_near_misses and rng.random() < 0.5:
                donor = self._donors.any(rng, self._donors.with_near_misses)
                found = [self._near_miss(donor, body, subject, rng)]
            else:
                found = self._combination(kind, body, subject, rng)
            if found:
                return found
        # Nothing of this kind is plausible on this body, so the person stands.
        return [self._whole(self._donors.stander(rng), body, subject, rng)]

    def _whole(
        self, segment: RecordedSegment, body: RecordedBody, subject: str, rng: np.random.Generator
    ) -> LabelledMotion:
        """Show a recording with nothing but its proportions and tempo changed."""
        part = self._draw_part(segment, rng)
        joints = part.read(self._length(segment, rng), body, rng)
        return label_motion(joints, part.label, subject=subject, name=_NAME)

    def _combination(
        self, kind: str, body: RecordedBody, subject: str, rng: np.random.Generator
    ) -> list[LabelledMotion]:
        """Draw legs and arms from two recordings and put them together; nothing where that is not plausible."""
        pair = self._donors.pair(kind, rng)
        legs, arms = self._draw_part(pair.legs, rng), self._draw_part(pair.arms, rng)
        if pair.held:
            arms = replace(arms, label=BACKGROUND, held=True)
        arms = replace(arms, gesture=pair.gesture)
        names = self._leg_class(legs), self._classes[arms.label]
        name = combined_class(*names)
        action = arms.segment if part_of(names[1]) == "arms" else legs.segment
        length = self._length(action, rng)
        series = 1 if action.repeating or names[0] in GAITS else int(rng.integers(1, self._config.most_repetitions + 1))
        shares = self._shares(*names, rng)
        found: list[LabelledMotion] = []
        pairs = zip(*(part.repeat(length, series, body, rng) for part in (legs, arms)), strict=True)
        for number, (legs_m, arms_m) in enumerate(pairs, start=1):
            frames = min(len(legs_m), len(arms_m))
            joints = combine(legs_m[:frames], arms_m[:frames], shares, body)
            fault = fault_of(joints, legs_m[:frames], arms_m[:frames])
            self.counts[fault or "accepted"] += 1
            if fault or name is None:
                return []
            label, near = self._classes.index(name), self._classes.index(nearly(*names))
            near = near if label == BACKGROUND else BACKGROUND
            found.append(label_motion(joints, label, subject=subject, name=_NAME, repetition=number, near_miss=near))
        return found

    def _near_miss(
        self, segment: RecordedSegment, body: RecordedBody, subject: str, rng: np.random.Generator
    ) -> LabelledMotion:
        """Turn an action into one of its near misses."""
        part = self._draw_part(segment, rng)
        joints = part.read(self._length(segment, rng), body, rng)
        name = self._classes[part.label]
        kinds = kinds_of(name, joints)
        changed = make_near_miss(joints, kinds[rng.integers(len(kinds))], part_of(name) or "whole", body, rng)
        return label_motion(changed, BACKGROUND, subject=subject, name=_NAME, near_miss=part.label)

    def _draw_part(self, segment: RecordedSegment, rng: np.random.Generator) -> "_Part":
        """Decide whether a recording is mirrored and how fast it is played."""
        mirrored = bool(self._mirrored[segment.label] >= 0 and rng.random() < self._config.mirrored_share)
        label = int(self._mirrored[segment.label]) if mirrored else segment.label
        low, high = np.log(self._config.tempo)
        return _Part(segment=segment, label=label, mirrored=mirrored, tempo=float(np.exp(rng.uniform(low, high))))

    def _length(self, segment: RecordedSegment, rng: np.random.Generator) -> int:
        """Draw how many frames of a recording to show."""
        if segment.repeating:
            return int(rng.integers(*self._config.part_frames))
        low, high = np.log(self._config.tempo)
        return max(8, round(len(segment) / float(np.exp(rng.uniform(low, high)))))

    def _leg_class(self, legs: "_Part") -> str:
        """Name what the legs of a recording do: nothing in an action of the arms."""
        name = self._classes[legs.label]
        return BACKGROUND_NAME if part_of(name) == "arms" else name

    def _shares(self, legs: str, arms: str, rng: np.random.Generator) -> Shares:
        """Draw how the trunk follows: the arms' recording where they define the action, mostly the legs' otherwise."""
        if part_of(arms) == "arms":
            return Shares(trunk=1.0, arms_upright=0.0)
        upright = float(np.clip(rng.uniform(-0.5, 1.5), 0, 1))
        if legs == BACKGROUND_NAME or legs in GAITS:
            return Shares(trunk=float(rng.random()), arms_upright=upright)
        most = 0.0 if part_of(legs) in ("trunk", "whole") else _OTHER_TRUNK
        return Shares(trunk=float(rng.uniform(0, most)), arms_upright=upright)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A recording to take legs or arms from, and how to play it."""

    segment: RecordedSegment
    label: int
    """Class after mirroring."""
    mirrored: bool
    tempo: float
    held: bool = False
    """Whether one pose of it is held."""
    gesture: bool = False
    """Whether the arms make synthetic gestures instead."""

    def read(self, frames: int, body: RecordedBody, rng: np.random.Generator) -> Floats:
        """Read so many frames, fewer only where the recording is too short to be cut and may not be played back."""
        joints = self.segment.joints_m
        if self.held:
            pose = joints[rng.integers(len(joints))]
            joints = mirror_body(pose[None]) if self.mirrored else pose[None]
            still = conform(np.repeat(joints, frames, axis=0), self.segment.geometry, body)
            return still + tremor_m(frames, rng)
        if self.segment.repeating:
            joints = self._crop(joints, max(2, round(frames * self.tempo)), rng)
            frames = min(frames, max(2, round(len(joints) / self.tempo)))
        if self.mirrored:
            joints = mirror_body(joints)
        conformed = conform(at_pace(joints, frames, rng), self.segment.geometry, body)
        return gesture(conformed, rng) if self.gesture else conformed

    def repeat(self, frames: int, times: int, body: RecordedBody, rng: np.random.Generator) -> list[Floats]:
        """Read so many frames several times; one after the other from a recording that goes on."""
        if not (self.segment.repeating or self.held):
            return [self.read(frames, body, rng) for _ in range(times)]
        joints = self.read(frames * times, body, rng)
        return np.array_split(joints, times) if times > 1 else [joints]

    def _crop(self, joints: Floats, wanted: int, rng: np.random.Generator) -> Floats:
        if self.segment.label == BACKGROUND and len(joints) < wanted:
            # Forwards and backwards until it is long enough.
            there = np.arange(len(joints))
            period = np.concatenate([there, there[-2:0:-1]])
            return joints[np.resize(period, wanted)]
        start = int(rng.integers(0, max(1, len(joints) - wanted + 1)))
        return joints[start : start + wanted]


def read_sources(folder: Path) -> dict[str, list[LabelledSequence]]:
    """Read what may be recombined from the data folder: training subjects, and gestures as background.

    Raises DataError where a file is missing or damaged.
    """
    gestures = {name: read_background(open_dataset(folder / "ship" / f"{name}.npz")) for name in _GESTURES}
    return {**read_ship(folder, test=False), **gestures}
