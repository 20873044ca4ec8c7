"""Correct what was reported from a recording: its events and its joints are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hitrs_live.errors import DataError
from hitrs_live.messages import ActionEvent, JointsEvent
from hitrs_live.process.line_writer import printable
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.teaching.examples import LEAST_FRAMES, RATE_HZ
from hitrs_live.teaching.find_repetitions import movement_size
from hitrs_live.teaching.pose_track import STEP, track_poses
from hitrs_live.teaching.recorded_people import RecordedPerson
from hitrs_live.teaching.rest import segments_between_rests

_SHORTEST_S: Final = LEAST_FRAMES / RATE_HZ
_AROUND_S: Final = 10.0
"""How far around a time its movement is looked for."""
_LONGEST_S: Final = 12.0
_LISTED: Final = 8


@dataclass(frozen=True, kw_only=True)
class ReportedAction:
    """One action that a recording's pipeline reported."""

    label: str
    track_id: int
    seen_s: float
    """When its person was at `root_m`, from the recording's first frame, likewise the following."""
    root_m: tuple[float, ...] | None
    """(3,), metres, camera axes: the person's root; None if it is not known."""
    start_s: float
    end_s: float


def reported_action(path: Path, event_id: int) -> ReportedAction:
    """Find the action that an event of a recording belongs to.

    event_id: the `log_seq` of any of its events, as `hitrs-live watch --json` prints. Raises DataError or
    SourceUnavailable where there is none, or the recording cannot be read.
    """
    first_ns: int | None = None
    events: list[ActionEvent] = []
    for message in Recording(path).messages(JointsEvent, ActionEvent):
        if isinstance(message, JointsEvent):
            first_ns = message.capture_time_ns if first_ns is None else first_ns
        elif isinstance(message, ActionEvent):
            events.append(message)
    chosen = next((one for one in events if one.log_seq == event_id), None)
    if chosen is None or first_ns is None:
        raise DataError(f"{path}: no event {event_id}; it has {known_actions(events)}")
    same = [
        one
        for one in events
        if (one.track_id, one.label, one.onset_time_ns) == (chosen.track_id, chosen.label, chosen.onset_time_ns)
    ]
    end_ns = max(one.end_time_ns or one.capture_time_ns for one in same)
    start_s = max(0.0, (chosen.onset_time_ns - first_ns) / 1e9)
    seen = next((one for one in same if one.root_m is not None), chosen)
    return ReportedAction(
        label=chosen.label, track_id=chosen.track_id, seen_s=(seen.capture_time_ns - first_ns) / 1e9,
        root_m=seen.root_m, start_s=start_s,
        end_s=max((end_ns - first_ns) / 1e9, start_s + _SHORTEST_S),
    )  # fmt: skip


def known_actions(events: Sequence[ActionEvent]) -> str:
    """List the starts of actions, for an error."""
    starts = [one for one in events if one.state == "start" and one.log_seq is not None]
    if not starts:
        return "no numbered action events; expected a time or a recording in which actions were reported"
    listed = ", ".join(f"{one.log_seq} ({printable(one.label[:60])})" for one in starts[-_LISTED:])
    return f"{listed}{' and earlier ones' if len(starts) > _LISTED else ''}"


def track_of(action: ReportedAction, people: Sequence[RecordedPerson]) -> str:
    """Return the name of the person of a recording who did an action.

    Track ids count from the beginning of a run, and a recording may begin later, so where its person was decides.
    """
    there = [one for one in people if one.start_s <= action.seen_s <= one.end_s]
    if action.root_m is None or not there:
        return str(action.track_id)
    root_m = np.array(action.root_m)

    def distance_m(one: RecordedPerson) -> float:
        frame = min(round((action.seen_s - one.start_s) * RATE_HZ), len(one.joints_m) - 1)
        return float(np.linalg.norm(one.joints_m[frame, NTU25.root] - root_m))

    return min(there, key=distance_m).name


def movement_at(one: RecordedPerson, at_s: float) -> tuple[float, float] | None:
    """Find the movement around a time: the one that begins and ends at rest and is the largest of those.

    at_s: from the recording's first frame. Returns its start and end, likewise; None where nothing moves.
    """
    first = max(0, round((at_s - one.start_s - _AROUND_S) * RATE_HZ))
    last = min(len(one.joints_m), round((at_s - one.start_s + _AROUND_S) * RATE_HZ))
    track = track_poses(one.joints_m[first:last], one.confidence[first:last])
    frame = (round((at_s - one.start_s) * RATE_HZ) - first) // STEP
    spans = [
        span
        for span in segments_between_rests(track)
        if span[0] <= frame < span[1] and LEAST_FRAMES <= (span[1] - span[0]) * STEP <= _LONGEST_S * RATE_HZ
    ]
    if not spans:
        return None
    # Of the movements that contain the time, large ones that take little time: not everything around it.
    best = max(spans, key=lambda span: movement_size(track, span) / np.sqrt(span[1] - span[0]))
    start, end = first + best[0] * STEP, min(first + best[1] * STEP, len(one.joints_m))
    return one.start_s + start / RATE_HZ, one.start_s + end / RATE_HZ
