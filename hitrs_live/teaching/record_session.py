"""Record a person who repeats an action: count down, follow, find the repetitions, know when there are enough.

It knows no clock but that of the frames, and shows nothing, so a camera, a file and a test take the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from hitrs_live.errors import DataError
from hitrs_live.teaching.examples import LEAST_FRAMES, RATE_HZ, Example, utc_now
from hitrs_live.teaching.find_repetitions import Repetition, find_repetitions
from hitrs_live.teaching.followed_person import FollowedPerson
from hitrs_live.teaching.joint_stream import StreamStep

Phase = Literal["waiting", "countdown", "recording", "done"]
"""waiting: for a person; countdown: before the first repetition; recording; done: there are enough, or it took too
long."""

_LOOK_EVERY_S: Final = 1.5
_REST_AFTER_S: Final = 1.2
"""Rest after the last repetition before the recording ends by itself."""
_CONTEXT_S: Final = 3.0
"""Joints that are kept with an example before and after it."""
_LEAST_S: Final = 2.0
_LEAST_RATE_HZ: Final = 10.0
_LEAST_MOVE_M: Final = 0.06
_MOST_CROWDED: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """What is recorded."""

    action: str
    repetitions: int = 5
    countdown_s: float = 5.0
    longest_s: float = 180.0
    """The recording ends after this long, counted from the countdown's end."""
    until_end: bool = False
    """Whether to read on after the repetitions were found: a file is read to its end."""


@dataclass(frozen=True, kw_only=True)
class FoundRepetition:
    """One repetition, as a user is asked about it."""

    example_span: tuple[int, int]
    """Its joint frames, [first, end)."""
    time_s: float
    """From the start of the recording."""
    length_s: float
    likeness: float
    """How like the others it is, 0 to 1."""


class RecordSession:
    """Take the steps of a stream in turn; `phase` says what the person is to do."""

    def __init__(self, settings: RecordSettings) -> None:
        """Begin waiting for a person."""
        self.settings = settings
        self.phase: Phase = "waiting"
        self.person = FollowedPerson(most_s=settings.longest_s)
        self.found: Sequence[Repetition] = ()
        """Of the last look; the final ones are those of `repetitions`."""
        self._seen_s: float | None = None
        self._looked_s = 0.0
        self.time_s = 0.0
        """Of the newest frame."""
        self.people = 0
        """Seen in the newest frame."""

    @property
    def countdown_left_s(self) -> float:
        """Seconds until the recording begins."""
        waited_s = 0.0 if self._seen_s is None else self.time_s - self._seen_s
        return max(0.0, self.settings.countdown_s - waited_s)

    @property
    def recorded_s(self) -> float:
        """Seconds recorded so far."""
        return max(0.0, self.person.newest_s - self.person.first_s)

    def observe(self, step: StreamStep) -> None:
        """Take in one step."""
        self.time_s = step.time_s
        if step.people is None or self.phase == "done":
            return
        self.people = int(step.people.present.sum())
        if self.people and self._seen_s is None:
            self._seen_s = step.time_s
        if self.phase in ("waiting", "countdown") and self._seen_s is not None:
            self.phase = "countdown" if self.countdown_left_s > 0 else "recording"
        if self.phase != "recording":
            return
        self.person.observe(step.time_s, step.people, step.joint_frames)
        if not self.settings.until_end and step.time_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = step.time_s
            self._look()
        if self.recorded_s >= self.settings.longest_s:
            self.phase = "done"

    def finish(self) -> Sequence[FoundRepetition]:
        """Return the repetitions, in their order.

        Raises DataError, with the way out, where the recording cannot be used.
        """
        self.phase = "done"
        self._refuse_unusable()
        joints, confidence = self.person.joints()
        found = find_repetitions(joints, confidence, expected=self.settings.repetitions)
        self.found = [one for one in found if one.end - one.start >= LEAST_FRAMES]
        if not self.found:
            raise DataError(
                f"no movement is repeated in the {self.recorded_s:.0f} s recorded, expected "
                f"{self.settings.repetitions} repetitions; do the same movement each time, and rest for a second in "
                "between in the same pose, or give the times yourself with hitrs-live teach add --intervals"
            )
        return [
            FoundRepetition(
                example_span=(one.start, one.end), likeness=one.likeness,
                time_s=self.person.start_s - self.person.first_s + one.start / RATE_HZ,
                length_s=(one.end - one.start) / RATE_HZ,
            )
            for one in self.found
        ]  # fmt: skip

    def example(self, one: FoundRepetition, *, person: str, origin: str) -> Example:
        """Cut one repetition out of the recording, with the joints around it."""
        joints, confidence = self.person.joints()
        start, end = one.example_span
        context = round(_CONTEXT_S * RATE_HZ)
        first, last = max(0, start - context), min(len(joints), end + context)
        return Example(
            action=self.settings.action, joints_m=joints[first:last], confidence=confidence[first:last],
            start=start - first, end=end - first, person=person, origin=origin, created_utc=utc_now(),
        )  # fmt: skip

    def _look(self) -> None:
        joints, confidence = self.person.joints()
        self.found = find_repetitions(joints, confidence)
        enough = len(self.found) >= self.settings.repetitions
        if enough and len(joints) - self.found[-1].end >= _REST_AFTER_S * RATE_HZ:
            self.phase = "done"

    def _refuse_unusable(self) -> None:
        """Raise DataError where the recording cannot be used, whatever was done in it."""
        person, recorded_s = self.person, self.recorded_s
        if not person.present_s:
            raise DataError(
                f"no person was seen in {self.time_s:.1f} s, expected one person; stand so that the camera sees you "
                "from head to knees, with light from the front"
            )
        if recorded_s < _LEAST_S or len(person) < _LEAST_S * RATE_HZ:
            raise DataError(
                f"{min(recorded_s, len(person) / RATE_HZ):.1f} s of one person were recorded, expected {_LEAST_S:g} s "
                "at least; record again, and stay in view until the repetitions are done"
            )
        if person.rate_hz < _LEAST_RATE_HZ:
            raise DataError(
                f"{person.rate_hz:.1f} frames a second, expected {_LEAST_RATE_HZ:g} at least, 30 are best; add light, "
                "close other programs, or choose a smaller pose model with --pose-model lite"
            )
        if person.crowded_s > _MOST_CROWDED * max(person.present_s, 1.0):
            raise DataError(
                f"two people were in view for {person.crowded_s:.1f} s, expected one; ask the others to step aside and "
                "record again, or give the times with hitrs-live teach add --track"
            )
        if person.unseen:
            raise DataError(
                f"{person.unseen} not seen in most of the recording, and without them no action is reported; step "
                "back, or tilt the camera, until they are in the picture"
            )
        joints, _ = person.joints()
        moved_m = float(np.percentile(np.ptp(joints - joints[:, :1], axis=0), 90))
        if moved_m < _LEAST_MOVE_M:
            raise DataError(
                f"nothing moves: the joints stay within {100 * moved_m:.0f} cm, expected a movement of "
                f"{100 * _LEAST_MOVE_M:.0f} cm or more; make it larger, or come nearer to the camera"
            )
