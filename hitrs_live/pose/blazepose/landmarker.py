"""Find people's landmarks picture by picture with BlazePose. Runs in the pose process (`worker`).

A person found in one picture is looked for in the next where the body's own points put it, by the landmark network
alone. The detector, which finds people from nothing, runs only to find more of them: on every picture while no one is
known or someone was lost, every few pictures while there are fewer than max_people, and seldom after that. So a picture
costs what its people cost.

Two people who cross are neither merged nor doubled. Where two regions show one body, the one that moved farther to get
there is given up, and that person is searched for about the last place. Where two people cover each other, the detector
is asked whether both are there.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.detector import Candidate, PersonDetector
from hitrs_live.pose.blazepose.known import Known, about_both, covering_pair, is_of, is_turned_over, without_doubles
from hitrs_live.pose.blazepose.motion import MotionFinder, Movement
from hitrs_live.pose.blazepose.networks import BlazePoseNetworks
from hitrs_live.pose.blazepose.person import Person, find_people
from hitrs_live.pose.blazepose.regions import Region
from hitrs_live.pose.blazepose.search import Part, Search
from hitrs_live.pose.same_person import SAME_PERSON, STILL_THERE, apart
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS

# The landmark network checks the detector's proposals again, so the detector's threshold may be lower.
_PROPOSAL_SHARE = 0.6
_REMEMBERED_PICTURES = 10
_MOST_CANDIDATES = 2
"""Looked at in one search beyond the people who are known, so that a picture's cost stays bounded."""
# A part of the picture shows things at a size at which the detector takes more of them for people.
_SEARCH_CERTAINTY = 0.6
_FAR_LARGER = 4.0
"""A thing in the background taken for a person must not keep a person out; nor must people replace each other."""
_CHECK_AGAIN = 15
"""Pictures from one check of two people who cover each other to the next, where the detector has seen both or none."""


class BlazePoseLandmarker:
    """Follow people by their regions and search for more. A `Landmarker` that `LimitsPeople`."""

    def __init__(self, model: str | Path, *, max_people: int, min_confidence: float) -> None:
        """Load the model, a `.task` file. min_confidence: of a person, from 0 to 1.

        Raises PoseModelMissing where it is not one of BlazePose.
        """
        self._networks = BlazePoseNetworks(Path(model))
        self._detector = PersonDetector(self._networks, min_score=min_confidence * _PROPOSAL_SHARE)
        self._made_for, self._max_people, self._min_presence = max_people, max_people, min_confidence
        self._known: list[Known] = []
        self._spare = True
        self._search, self._motion = Search(), MotionFinder()
        self.notice = self._networks.notice
        """Why a GPU that ONNX Runtime has is not used, in one line; empty for none."""
        self._aspect = np.ones(2, np.float32)
        self._size = np.zeros(2, np.float32)

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find the people in a picture.

        picture: (height, width, 3) uint8, red-green-blue, C order. Returns (P, 33, LANDMARK_FIELDS) float32, P at most
        max_people, no person twice; those known longest come first.
        """
        self._set_size(width=picture.shape[1], height=picture.shape[0])
        self._known = self._follow(picture)
        pair = covering_pair(self._known, self._size)
        seen = [known.person for known in self._known if not known.missed]
        movement = self._motion.observe(picture, [person.landmarks[:, :2] * self._size for person in seen])
        if pair is not None:
            candidates = self._detector.find(picture, about_both(pair[0].person, pair[1].person))
            self._check(pair, candidates)
        else:
            self._look_for_more(picture, seen, movement)
        people = [known.person.landmarks for known in self._known if not known.missed]
        return np.stack(people) if people else np.empty((0, 33, LANDMARK_FIELDS), np.float32)

    def limit_people(self, most: int, *, spare: bool) -> None:
        """Look for at most so many people from now on, and no more than it was made for.

        Those who are seen now are kept before others, large ones of whom the network is certain first. spare: whether
        there is time for searches that can wait.
        """
        self._spare = spare
        self._max_people = min(most, self._made_for)
        kept = sorted(self._known, key=_worth, reverse=True)[: self._max_people]
        self._known = [known for known in self._known if known in kept]

    def close(self) -> None:
        """Forget everyone."""
        self._known = []

    def _set_size(self, *, width: int, height: int) -> None:
        """Take the picture's size; where it is a new one, forget where people were."""
        size = np.array((width, height), np.float32)
        if (size != self._size).any():
            self._known, self._size, self._aspect = [], size, np.array((width / height, 1), np.float32)

    def _follow(self, picture: NDArray[np.uint8]) -> list[Known]:
        """Look for everyone who is known. Returns them as of this picture, without those missed for too long.

        No one is remembered for longer than they were seen: what is seen once is seldom a person.
        """
        people = self._find_people(picture, [known.person.region for known in self._known])
        found = [(known, self._again(known, person)) for known, person in zip(self._known, people, strict=True)]
        kept = without_doubles(found, self._aspect)
        return [
            known.not_seen() if person is None else known.seen(person)
            for (known, _), person in zip(found, kept, strict=True)
            if person is not None or known.missed < min(known.sightings, _REMEMBERED_PICTURES)
        ]

    def _find_people(self, picture: NDArray[np.uint8], regions: Sequence[Region]) -> list[Person]:
        return find_people(self._networks, picture, regions, together=self._networks.batches)

    def _again(self, known: Known, person: Person) -> Person | None:
        """Return who was found in a known person's region; None where that is no one, or somebody else."""
        # Landmarks that jump have moved to something else in the region, mostly to another person.
        if person.presence < self._min_presence or self._apart(person, known.person) >= STILL_THERE:
            return None
        return person

    def _check(self, pair: tuple[Known, Known], candidates: Sequence[Candidate]) -> None:
        """Drop one of two people who may be one body where the detector sees only the other."""
        there = [any(is_of(candidate, known.person, self._size) for candidate in candidates) for known in pair]
        for known, confirmed in zip(pair, there, strict=True):
            place = self._known.index(known)
            if any(there) and not confirmed:
                del self._known[place]
            else:
                self._known[place] = replace(known, unchecked=_CHECK_AGAIN)

    def _look_for_more(self, picture: NDArray[np.uint8], seen: Sequence[Person], movement: Movement) -> None:
        """Search the picture for people who are not seen yet, where it is time to."""
        missing = [known.person.region for known in self._known if known.missed]
        here = list(seen)
        height, width = picture.shape[:2]
        full = len(seen) == self._max_people
        for part in self._search.next_parts(
            width, height, seen=len(seen), missing=missing, full=full, movement=movement, spare=self._spare
        ):
            for person in self._look_at(picture, part, here):
                here.append(person)
                self._admit(person)
            if len(here) > len(seen):
                return

    def _look_at(self, picture: NDArray[np.uint8], part: Part, seen: Sequence[Person]) -> list[Person]:
        """Return people in a part of the picture who are not among those seen: as many as have room, at least one."""
        room = self._max_people - len(seen)
        # Where there is none, only someone far larger than the smallest is of interest.
        smallest = 0.0 if room else _FAR_LARGER * min(person.region.side for person in seen)
        candidates = [
            candidate
            for candidate in self._detector.find(picture, part.region)
            if candidate.region.side >= smallest and not any(is_of(candidate, person, self._size) for person in seen)
        ]
        more: list[Person] = []
        looked_at = [candidate.region for candidate in candidates[: min(_MOST_CANDIDATES, max(room, 1))]]
        for person in self._find_people(picture, looked_at):
            there = person.presence >= self._min_presence
            certain = not part.strict or person.certainty > _SEARCH_CERTAINTY
            if there and certain and not any(self._is_double(person, other) for other in (*seen, *more)):
                more.append(person)
        return more

    def _admit(self, person: Person) -> None:
        """Take a person up: as the missing one whose last place is near, else as a new one."""
        missing = [known for known in self._known if known.missed]
        near = min(missing, key=lambda known: self._apart(known.person, person), default=None)
        if near is not None and self._apart(near.person, person) < STILL_THERE:
            self._known[self._known.index(near)] = near.seen(person)
            return
        if len(self._known) >= self._max_people and not self._make_room(person):
            return
        self._known.append(Known(person=person))

    def _make_room(self, person: Person) -> bool:
        """Forget who was missed longest, or else the smallest one if the new person is far larger."""
        given_up = max(self._known, key=lambda known: (known.missed, -known.person.region.side))
        if not given_up.missed and person.region.side < _FAR_LARGER * given_up.person.region.side:
            return False
        self._known.remove(given_up)
        return True

    def _is_double(self, person: Person, other: Person) -> bool:
        return self._apart(person, other) <= SAME_PERSON or is_turned_over(person, other, self._aspect)

    def _apart(self, one: Person, other: Person) -> float:
        return apart(one.landmarks, other.landmarks, self._aspect)


def _worth(known: Known) -> tuple[bool, float]:
    """What is kept first where not everyone can be."""
    return not known.missed, known.person.region.side * known.person.certainty
