"""Find sequences of actions in the events of the built-in classes and of the taught actions, person by person.

A sequence is complete once all of its steps have ended. A long step may be reported as ended after a later short one
was, so the newest actions of each person are kept, and each new one is looked at together with them.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from hitrs_live.messages import ActionEvent
from hitrs_live.teaching.step_sequence import StepSequence, in_order

_KEPT: Final = 32
"""Ended actions of a person that are kept."""
_MOST_TRACKS: Final = 64
"""People who are kept, the newest of them."""
_OVERLAP_NS: Final = 500_000_000
"""How long before the end of a step the next may begin: ends are dated by scores, which fall late."""


@dataclass(kw_only=True)
class _Person:
    """What was seen of one person."""

    ended: deque[ActionEvent] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """The newest ends of actions."""
    used: dict[str, ActionEvent] = field(default_factory=dict)
    """The last step of the newest of each sequence."""


class SequenceDecoder:
    """Report each sequence once it is complete. A step is part of a sequence once."""

    def __init__(self, sequences: Sequence[StepSequence]) -> None:
        """Take the sequences. Raises ConfigError where the steps of one lead back to it."""
        self._sequences = in_order(sequences)
        self._steps = frozenset(step for one in sequences for step in one.steps)
        self._people: OrderedDict[int, _Person] = OrderedDict()

    def step(self, event: ActionEvent) -> Sequence[ActionEvent]:
        """Take an event; return start and end of every sequence that it completes."""
        if event.state != "end" or event.label not in self._steps or event.other_track_id is not None:
            return ()
        person = self._person(event.track_id)
        found: list[ActionEvent] = []
        waiting = deque([event])
        while waiting:
            newest = waiting.popleft()
            person.ended.append(newest)
            for sequence in self._sequences:
                steps = _find_steps(sequence, person, newest)
                if steps:
                    person.used[sequence.name] = steps[-1]
                    start, end = _events(sequence.name, steps, event)
                    found += (start, end)
                    waiting.append(end)
        return found

    def take_over(self, before: "SequenceDecoder") -> None:
        """Go on from the actions that a decoder of other sequences has seen."""
        self._people = before._people

    def _person(self, track_id: int) -> _Person:
        person = self._people.setdefault(track_id, _Person())
        self._people.move_to_end(track_id)
        if len(self._people) > _MOST_TRACKS:
            self._people.popitem(last=False)
        return person


def _find_steps(sequence: StepSequence, person: _Person, newest: ActionEvent) -> Sequence[ActionEvent]:
    """Find actions of a person, the newest among them, that are the steps of a sequence; empty where there are none.

    Of several that begin with other actions, those that begin last are taken.
    """
    if newest.label not in sequence.steps:
        return ()
    last_used = person.used.get(sequence.name)
    chains: list[tuple[ActionEvent, ...]] = [
        (one,)
        for one in person.ended
        if one.label == sequence.steps[0] and (last_used is None or _follows(last_used, one))
    ]
    for label, within_s in zip(sequence.steps[1:], sequence.within_s, strict=True):
        longer = []
        for one in person.ended:
            if one.label != label:
                continue
            fitting = [chain for chain in chains if _follows(chain[-1], one, within_s)]
            for with_newest in (True, False):
                some = [chain for chain in fitting if _contains((*chain, one), newest) is with_newest]
                if some:
                    longer.append((*max(some, key=lambda chain: chain[0].onset_time_ns), one))
        chains = longer
    complete = [chain for chain in chains if _contains(chain, newest)]
    return max(complete, key=lambda chain: chain[0].onset_time_ns) if complete else ()


def _contains(chain: Sequence[ActionEvent], event: ActionEvent) -> bool:
    return any(one is event for one in chain)


def _follows(before: ActionEvent, after: ActionEvent, within_s: float | None = None) -> bool:
    """Whether an action begins once another is over, or nearly so. within_s: how soon it has to; None for any time."""
    end_ns = _end_ns(before)
    # The same movement, found as two actions, is no sequence of two.
    earliest_ns = max(end_ns - _OVERLAP_NS, (before.onset_time_ns + end_ns) // 2 + 1)
    later_ns = after.onset_time_ns - end_ns
    return after.onset_time_ns >= earliest_ns and (within_s is None or later_ns <= within_s * 1e9)


def _end_ns(event: ActionEvent) -> int:
    return event.capture_time_ns if event.end_time_ns is None else event.end_time_ns


def _events(name: str, steps: Sequence[ActionEvent], newest: ActionEvent) -> tuple[ActionEvent, ActionEvent]:
    """Build the start and the end of a sequence that an event completes."""
    onset_ns, now_ns = steps[0].onset_time_ns, newest.capture_time_ns
    start = ActionEvent(
        source_id=newest.source_id, capture_time_ns=now_ns, state="start", label=name,
        score=min(one.score for one in steps), track_id=newest.track_id, onset_time_ns=onset_ns,
        detection_delay_s=round((now_ns - onset_ns) / 1e9, 4),
        window_start_ns=min(one.window_start_ns for one in steps),
        window_end_ns=max(one.window_end_ns for one in steps),
    )  # fmt: skip
    return start, msgspec.structs.replace(
        start, state="end", end_time_ns=_end_ns(steps[-1]), reason=steps[-1].reason or "finished"
    )
