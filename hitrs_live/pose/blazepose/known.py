"""People as last seen, and which of them may be one body."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.detector import Candidate
from hitrs_live.pose.blazepose.person import Person
from hitrs_live.pose.blazepose.regions import Region
from hitrs_live.pose.same_person import SAME_PERSON, Sides, apart, keep_sides
from hitrs_live.skeleton import MEDIAPIPE33_JOINTS

_NOSE = MEDIAPIPE33_JOINTS.index("nose")
# People who cover each other by more than this share of the smaller one's box, with their trunks closer than this share
# of the larger one's extent, may be one body seen twice. Most bodies seen twice in our clips had 0.77 or more with 0.27
# or less; of two people, one behind the other, it was at most 0.68 with 0.24 to 0.29, and 0.73 with 0.43 or more.
_COVERED = 0.7
_TRUNKS_APART = 0.35
# Of rendered people seen a second time upside down, the trunks' directions had a cosine of -0.96 or less.
_OPPOSITE_COS = -0.8
_SHOULDERS, _HIPS = (
    [MEDIAPIPE33_JOINTS.index(f"{side}_{part}") for side in ("left", "right")] for part in ("shoulder", "hip")
)
_TRUNK = [*_SHOULDERS, *_HIPS]


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Keep a person as last seen."""

    person: Person
    sightings: int = 1
    """Pictures with this person."""
    missed: int = 0
    """Pictures since the last of them."""
    sides: Sides = field(default_factory=Sides)
    unchecked: int = 0
    """Pictures until the detector is asked again."""

    def seen(self, person: Person) -> "Known":
        """Return the same one, seen again in a new picture."""
        landmarks, sides = keep_sides(person.landmarks, self.person.landmarks, self.sides)
        region = person.region.steadied(self.person.region)
        return replace(
            self,
            person=replace(person, landmarks=landmarks, region=region),
            sightings=self.sightings + 1,
            missed=0,
            sides=sides,
            unchecked=self.unchecked - 1,
        )

    def not_seen(self) -> "Known":
        """Return the same one, missing in a new picture."""
        return replace(self, missed=self.missed + 1)


def without_doubles(found: Sequence[tuple[Known, Person | None]], aspect: NDArray[np.float32]) -> list[Person | None]:
    """Return what was found of each person, None where it is the body of another.

    That one moved less to get there, or is the right way up where the two are turned over.
    """
    kept = [person for _, person in found]
    moved = [
        np.inf if person is None else apart(person.landmarks, known.person.landmarks, aspect) + known.missed
        for known, person in found
    ]
    for first, second in _pairs(len(kept)):
        one, other = kept[first], kept[second]
        if one is None or other is None:
            continue
        if is_turned_over(one, other, aspect):
            kept[first] = None
        elif is_turned_over(other, one, aspect):
            kept[second] = None
        elif apart(one.landmarks, other.landmarks, aspect) <= SAME_PERSON:
            kept[first if moved[first] > moved[second] else second] = None
    return kept


def is_turned_over(person: Person, other: Person, aspect: NDArray[np.float32]) -> bool:
    """Find out whether a body is another one's seen upside down: they cover each other, and its shoulders are lower.

    aspect: (2,), the picture's width over its height, and 1.
    """
    points, others = person.landmarks[:, :2] * aspect, other.landmarks[:, :2] * aspect
    trunk, trunk_of_other = (each[_SHOULDERS].mean(axis=0) - each[_HIPS].mean(axis=0) for each in (points, others))
    lengths = float(np.linalg.norm(trunk) * np.linalg.norm(trunk_of_other))
    opposite = float(trunk @ trunk_of_other) < _OPPOSITE_COS * lengths
    return opposite and trunk[1] > trunk_of_other[1] and _covered(points, others) > _COVERED


def covering_pair(people: Sequence[Known], size: NDArray[np.float32]) -> tuple[Known, Known] | None:
    """Return two people who may be one body and of whom one is due to be checked; None where there are none.

    size: width and height of the picture, (2,).
    """
    for first, second in _pairs(len(people)):
        one, other = people[first], people[second]
        if one.missed or other.missed or min(one.unchecked, other.unchecked) > 0:
            continue
        if _may_be_one_body(one.person.landmarks[:, :2] * size, other.person.landmarks[:, :2] * size):
            return one, other
    return None


def about_both(one: Person, other: Person) -> Region:
    """Return an upright square about two people's regions."""
    middles = np.array([(each.region.x, each.region.y) for each in (one, other)])
    halves = np.array([[each.region.side / 2] for each in (one, other)])
    low, high = (middles - halves).min(axis=0), (middles + halves).max(axis=0)
    x, y = (low + high) / 2
    return Region(x=float(x), y=float(y), side=float(max(high - low)), angle=0.0)


def is_of(candidate: Candidate, person: Person, size: NDArray[np.float32]) -> bool:
    """Tell whether the detector reports this person: face and hips are where the person's are.

    size: width and height of the picture, (2,).
    """
    points = person.landmarks[:, :2] * size
    extent = max(float(np.ptp(points, axis=0).max()), 1.0)
    hips = float(np.hypot(candidate.region.x - person.region.x, candidate.region.y - person.region.y))
    face = float(np.linalg.norm(candidate.face - points[_NOSE]))
    return max(hips, face) < SAME_PERSON * extent


def _may_be_one_body(points: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    extent = max(float(np.ptp(each, axis=0).max()) for each in (points, others))
    trunks = float(np.linalg.norm(points[_TRUNK].mean(axis=0) - others[_TRUNK].mean(axis=0)))
    return _covered(points, others) > _COVERED and trunks < _TRUNKS_APART * extent


def _covered(points: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Compute the common part of two bodies' boxes as a share of the smaller one."""
    (low, high), (low_b, high_b) = ((each.min(axis=0), each.max(axis=0)) for each in (points, others))
    common = np.prod(np.maximum(np.minimum(high, high_b) - np.maximum(low, low_b), 0))
    return float(common / max(min(np.prod(high - low), np.prod(high_b - low_b)), 1e-9))


def _pairs(count: int) -> Iterator[tuple[int, int]]:
    return ((first, second) for first in range(count) for second in range(first + 1, count))
