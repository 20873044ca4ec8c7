"""What is done less where the machine is too slow, one step at a time, and is done again once there is room.

Nothing queues up in this pipeline: a live source keeps its newest frame alone. So too much load shows as age, the time
from a frame's arrival to its events, and as a main loop that never waits. The first steps cost the loop less, the last
ones the pose processes, of all sources alike; that fewer people are looked for is each pose stage's own decision
(`pose.people_limit`), and comes later, since it looks at rates below 10 Hz.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

LoadStep = Literal["fewer_predictions", "clip_updates", "no_mirror", "rate_15_hz", "rate_10_hz"]
"""As in Status.load_steps, in the order in which they are taken."""
OF_LOOP: Final[tuple[LoadStep, ...]] = ("fewer_predictions", "clip_updates", "no_mirror")
OF_POSE: Final[tuple[LoadStep, ...]] = ("rate_15_hz", "rate_10_hz")
RATES_HZ: Final[dict[LoadStep, float]] = {"rate_15_hz": 15.0, "rate_10_hz": 10.0}
"""Pictures a second of which the poses are estimated, in each source."""
_WARM_UP_S: Final = 5.0
"""The first frames find cold caches."""
_MOST_BUSY, _MOST_AGE_S = 0.9, 0.25
"""Above either of these there is too much to do."""
_ROOM_BUSY, _ROOM_AGE_S = 0.6, 0.15
"""Below both of these there is room."""
_LOOP_BUSY: Final = 0.5
"""Below this it is not the loop that makes frames old, and steps that relieve it would cost accuracy in vain."""
_SLOW_FOR_S: Final = 3.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10.0, 160.0
"""How long there must be room. It doubles each time that a step given back turned out to be needed."""
_PROVEN_S: Final = 60.0
"""A step that was given back for this long was not needed."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What was measured in the last second or so."""

    busy: float
    """Share of the time in which the loop did not wait for a frame, 0 to 1."""
    age_s: float
    """Median time from a frame's arrival to its events, of the source in which it is longest; 0 without frames."""


class LoadLadder:
    """Decide from one measurement after the other what is done less. All times are passed in, seconds."""

    def __init__(self, steps: Sequence[LoadStep]) -> None:
        """Begin with everything done. steps: those that can be taken in this run."""
        self._steps = tuple(steps)
        self.taken: tuple[LoadStep, ...] = ()
        """What is done less now, the newest last."""
        self._began_s: float | None = None
        self._slow_since_s: float | None = None
        self._room_since_s: float | None = None
        self._given_back_s: float | None = None
        self._wait_s = _FIRST_WAIT_S

    def observe(self, time_s: float, load: Load) -> bool:
        """Take a measurement; return whether a step was taken or given back."""
        if self._began_s is None:
            self._began_s = time_s
        if time_s - self._began_s < _WARM_UP_S:
            return False
        slow = load.busy > _MOST_BUSY or load.age_s > _MOST_AGE_S
        room = load.busy < _ROOM_BUSY and load.age_s < _ROOM_AGE_S
        self._slow_since_s = None if not slow else time_s if self._slow_since_s is None else self._slow_since_s
        self._room_since_s = None if not room else time_s if self._room_since_s is None else self._room_since_s
        if self._slow_since_s is not None and time_s - self._slow_since_s >= _SLOW_FOR_S:
            return self._take(time_s, load)
        if self.taken and self._room_since_s is not None and time_s - self._room_since_s >= self._wait_s:
            self._change(self.taken[:-1])
            self._given_back_s = time_s
            return True
        return False

    def _take(self, time_s: float, load: Load) -> bool:
        left = [step for step in self._steps if step not in self.taken]
        if load.busy < _LOOP_BUSY:
            left = [step for step in left if step in OF_POSE]
        if not left:
            return False
        needed = self._given_back_s is not None and time_s - self._given_back_s < _PROVEN_S
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S) if needed else _FIRST_WAIT_S
        self._change((*self.taken, left[0]))
        return True

    def _change(self, taken: tuple[LoadStep, ...]) -> None:
        """Set the steps; what was measured before no longer counts."""
        self.taken = taken
        self._slow_since_s = self._room_since_s = None
