"""How many people to look for on a machine that is too slow for all of them.

The first answer to a slow machine is a lower rate: a live source keeps only its newest picture, so that pictures are
left out evenly and the newest one is always the next. Joints are resampled by their times, so a rate down to 10 Hz
gives the same events. Only below that are fewer people looked for, one less at a time, and before a process that is
slow could be taken for one that hangs. With room, there are more again.

A source that is not live leaves out no picture, and is never limited: what is found in a file does not depend on the
machine.
"""

from typing import Final

SLOWEST_S: Final = 0.1
"""A picture may take this long: at 10 Hz nothing is lost but time."""
_SLOW_FOR_NS: Final = 3_000_000_000
_FEWEST_PICTURES: Final = 5
"""In a row, in which pictures took too long, before fewer people are looked for."""
_ROOM: Final = 0.7
"""The share of SLOWEST_S that one more person may be expected to fill."""
_FIRST_WAIT_NS, _LONGEST_WAIT_NS = 10_000_000_000, 160_000_000_000
"""How long there must be room. It doubles each time that one more turned out to be one too many."""
_PROVEN_NS: Final = 60_000_000_000
"""One more who was followed for this long was not one too many."""
_SPARE_PICTURES: Final = 30
"""In a row of which none was left out before there is time for more than what has to be done."""
_DECAY: Final = 0.8
"""Weight of the past in the mean time of a picture, at each picture."""
_URGENT: Final = 0.5
"""The share of the time after which a process counts as hung, at which one slow picture is enough."""


class PeopleLimit:
    """Decide picture by picture how many people are looked for. All times are passed in."""

    def __init__(self, most: int, *, hang_after_s: float) -> None:
        """Begin with the most. hang_after_s: after this long without a reply, the process would be replaced."""
        self.most, self.limit = most, most
        """How many people the settings ask for, and how many are looked for."""
        self.mean_s = 0.0
        """How long a picture took lately."""
        self._complete = _SPARE_PICTURES
        self._urgent_s = _URGENT * hang_after_s
        self._index: int | None = None
        self._newest_s, self._people = 0.0, 0
        self._slow_since_ns, self._slow_pictures = 0, 0
        self._room_since_ns: int | None = None
        self._raised_ns: int | None = None
        self._wait_ns = _FIRST_WAIT_NS

    @property
    def spare(self) -> bool:
        """Whether there is time for work that can wait: no picture of the source was left out lately."""
        return self._complete >= _SPARE_PICTURES

    def begin(self, index: int, time_ns: int) -> bool:
        """Decide on the limit for the next picture. Returns whether it changed.

        index: of the picture in its source, which leaves out those that come while an earlier one is processed;
        time_ns: when it was captured, monotonic.
        """
        left_out = self._index is not None and index > self._index + 1
        self._index = index
        self._complete = 0 if left_out else self._complete + 1
        if left_out and self.mean_s > SLOWEST_S:
            self._slow_since_ns = self._slow_since_ns if self._slow_pictures else time_ns
            self._slow_pictures += 1
        else:
            self._slow_pictures = 0
        persistent = self._slow_pictures > _FEWEST_PICTURES and time_ns - self._slow_since_ns >= _SLOW_FOR_NS
        if self._people > 1 and (persistent or (left_out and self._newest_s > self._urgent_s)):
            self._lower(time_ns)
            return True
        return self._raise_where_room(time_ns)

    def finish(self, took_s: float, people: int) -> None:
        """Take how long the picture took, from request to reply, and how many people were found."""
        self._newest_s, self._people = took_s, people
        self.mean_s = _DECAY * self.mean_s + (1 - _DECAY) * took_s if self.mean_s else took_s

    def _lower(self, time_ns: int) -> None:
        too_many = self._raised_ns is not None and time_ns - self._raised_ns < _PROVEN_NS
        self._wait_ns = min(2 * self._wait_ns, _LONGEST_WAIT_NS) if too_many else _FIRST_WAIT_NS
        self._change(max(min(self.limit, self._people) - 1, 1))

    def _raise_where_room(self, time_ns: int) -> bool:
        with_one_more_s = self.mean_s * (self.limit + 1) / max(self._people, 1)
        if self.limit >= self.most or not self.mean_s or with_one_more_s > _ROOM * SLOWEST_S:
            self._room_since_ns = None
            return False
        if self._room_since_ns is None:
            self._room_since_ns = time_ns
        if time_ns - self._room_since_ns < self._wait_ns:
            return False
        self._raised_ns = time_ns
        self._change(self.limit + 1)
        return True

    def _change(self, limit: int) -> None:
        """Set the limit; times measured before it no longer count."""
        self.limit = limit
        self.mean_s, self._newest_s, self._people = 0.0, 0.0, 0
        self._slow_pictures, self._room_since_ns = 0, None
