"""Choose recordings to take legs and arms from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.synthesis.class_parts import GAITS, part_of
from hitrs_live.synthesis.near_misses import has_near_miss
from hitrs_live.synthesis.segments import RecordedSegment

_Pool = Mapping[int, Sequence[Sequence[RecordedSegment]]]
"""By class, and within it by source: every class is equally likely, and in it every source."""
_GAIT_SHARE: Final = 0.3
"""Share of the actions of the arms that are put on legs that walk or run."""
_BACKGROUND_ARMS_SHARE: Final = 0.6
"""Share of the arms from background; the others are those of actions of the legs."""
_WHOLE_NEAR_MISS_SHARE: Final = 0.2
"""Share of classes of the whole body, with other arms, among near misses by combination; there are few of them."""
_WHOLE_SHARE: Final = 0.4
"""Share of classes of the whole body among actions shown as recorded: they are shown in no other way."""
_GESTURE_SHARE: Final = 0.3
"""Share of the arms from background that make synthetic gestures."""
_HELD_SHARE: Final = 0.35
"""Share of free arms that hold a pose: arms spread as in an arm circle are none unless they circle."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Recordings of the legs and the arms of one body."""

    legs: RecordedSegment
    arms: RecordedSegment
    held: bool = False
    """Whether the arms hold one pose of their recording."""
    gesture: bool = False
    """Whether the arms make synthetic everyday gestures instead of what they do in their recording."""


class Donors:
    """Segments of recordings by what may be taken from them."""

    def __init__(self, sources: Sequence[Sequence[RecordedSegment]], classes: tuple[str, ...]) -> None:
        """Sort the segments of each source.

        Raises ValueError where nobody stands: arms need legs to be put on.
        """

        def pool(accepts: Callable[[RecordedSegment, str], bool]) -> _Pool:
            by_class: dict[int, list[list[RecordedSegment]]] = {}
            for segments in sources:
                own: dict[int, list[RecordedSegment]] = {}
                for segment in segments:
                    if accepts(segment, classes[segment.label]):
                        own.setdefault(segment.label, []).append(segment)
                for label, found in own.items():
                    by_class.setdefault(label, []).append(found)
            return by_class

        self._actions = pool(lambda one, name: one.label != BACKGROUND)
        self.with_near_misses = pool(lambda one, name: has_near_miss(name))
        self._arms = pool(lambda one, name: part_of(name) == "arms")
        self._legs = pool(lambda one, name: part_of(name) in ("legs", "trunk"))
        self._gaits = pool(lambda one, name: name in GAITS)
        self._whole = pool(lambda one, name: part_of(name) == "whole")
        self._background = pool(lambda one, name: one.label == BACKGROUND)
        self._everything = pool(lambda one, name: True)
        self._leg_actions = pool(lambda one, name: part_of(name) in ("legs", "whole") and name not in GAITS)
        self._standing = pool(lambda one, name: part_of(name) in (None, "arms") and one.standing)
        if not self._standing:
            raise ValueError(
                "nobody stands still in any recording; expected 0.7 s in background or in an action of the arms"
            )

    def any(self, rng: np.random.Generator, pool: _Pool) -> RecordedSegment:
        """Draw a segment of a pool."""
        by_source = pool[int(rng.choice(list(pool)))]
        segments = by_source[int(rng.integers(len(by_source)))]
        return segments[int(rng.integers(len(segments)))]

    def stander(self, rng: np.random.Generator) -> RecordedSegment:
        """Draw a recording of a person who stands."""
        return self.any(rng, self._standing)

    def action(self, rng: np.random.Generator) -> RecordedSegment | None:
        """Draw an action to be shown as recorded; None where there is none."""
        if self._whole and rng.random() < _WHOLE_SHARE:
            return self.any(rng, self._whole)
        return self.any(rng, self._actions) if self._actions else None

    def pair(self, kind: str, rng: np.random.Generator) -> Pair:
        """Draw a recording for the legs and one for the arms. kind: a key of RecombinationConfig.weights."""
        if kind == "legs" and self._legs:
            return self._with_free_arms(self.any(rng, self._legs), rng)
        if kind == "arms" and self._arms:
            on_gait = self._gaits and rng.random() < _GAIT_SHARE
            legs = self.any(rng, self._gaits) if on_gait else self.stander(rng)
            return Pair(legs=legs, arms=self.any(rng, self._arms))
        if kind == "near_miss" and self._whole and rng.random() < _WHOLE_NEAR_MISS_SHARE:
            return self._with_free_arms(self.any(rng, self._whole), rng)
        if kind == "near_miss" and self._leg_actions:
            return Pair(legs=self.stander(rng), arms=self.any(rng, self._leg_actions))
        if not self._background or rng.random() < _HELD_SHARE:
            return Pair(legs=self.stander(rng), arms=self.any(rng, self._everything), held=True)
        gesture = rng.random() < _GESTURE_SHARE
        return Pair(legs=self.stander(rng), arms=self.any(rng, self._background), gesture=gesture)

    def _with_free_arms(self, legs: RecordedSegment, rng: np.random.Generator) -> Pair:
        """Add arms that do nothing of their own: a pose of any recording, those of background or of a leg action."""
        if rng.random() < _HELD_SHARE:
            return Pair(legs=legs, arms=self.any(rng, self._everything), held=True)
        if self._background and (not self._legs or rng.random() < _BACKGROUND_ARMS_SHARE):
            gesture = rng.random() < _GESTURE_SHARE
            return Pair(legs=legs, arms=self.any(rng, self._background), gesture=gesture)
        return Pair(legs=legs, arms=self.any(rng, self._legs or self._standing))
