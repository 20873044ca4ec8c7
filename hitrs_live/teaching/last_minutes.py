"""Find in a running pipeline's last minutes what is to be corrected."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hitrs_live.errors import DataError
from hitrs_live.process.line_writer import printable
from hitrs_live.teaching.corrections import known_actions
from hitrs_live.transport.last_minutes import LastMinutes

_SLACK_S: Final = 2.0
"""How far the nearest frame may be from a time."""
_RECORD: Final = "live --record keeps everything, for --from"


@contextmanager
def as_recording(kept: LastMinutes, source_id: str) -> Iterator[Path]:
    """Write the last minutes of a source into a private temporary folder; remove it at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="hitrs-live-") as folder:
        path = Path(folder) / f"{source_id}.mcap"
        kept.record(path, source_id)
        yield path


def source_of_event(kept: LastMinutes, event_id: int) -> str:
    """Return the source of the action that an event belongs to, by its `log_seq`.

    Raises DataError where there is no such event, or its action began before what is kept.
    """
    actions = kept.actions
    chosen = next((one for one in actions if one.log_seq == event_id), None)
    if chosen is None:
        raise DataError(
            f"no event {event_id} in the last {_kept(kept)}, which the pipeline keeps; they have "
            f"{known_actions(actions)}; {_RECORD}"
        )
    joints = kept.joints(chosen.source_id)
    if not joints or chosen.onset_time_ns < joints[0].capture_time_ns:
        raise DataError(
            f"event {event_id} ({printable(chosen.label[:60])}) began before the last {_kept(kept)}, which the "
            f"pipeline keeps; {_RECORD}"
        )
    return chosen.source_id


def chosen_source(kept: LastMinutes, wanted: str | None) -> str:
    """Return the source to look at. wanted: its name; None for the only one. Raises DataError."""
    sources = kept.sources
    if not sources:
        raise DataError(f"the pipeline has had no frame in the last {_kept(kept)}; expected one that sees a person")
    chosen = sources[0] if wanted is None and len(sources) == 1 else wanted
    if chosen not in sources:
        given = "" if wanted is None else f", not {wanted[:60]!r}"
        raise DataError(f"the pipeline has the sources {', '.join(sources)}; choose with --source one of them{given}")
    return str(chosen)


def seconds_into(kept: LastMinutes, source_id: str, ago_s: float) -> float:
    """Return when something was that happened so many seconds before the pipeline was asked.

    It is in seconds from the first frame of the source that is kept. Raises DataError where that was before it, or the
    source gave nothing then.
    """
    times_ns = [one.publish_time_ns for one in kept.joints(source_id)]
    return _seconds_into(kept, source_id, times_ns, kept.asked_ns - round(ago_s * 1e9))


def seconds_at(kept: LastMinutes, source_id: str, utc_ns: int) -> float:
    """Return when something was, as `seconds_into`, from its date as `hitrs-live watch` prints it."""
    times_ns = [one.utc_ns or 0 for one in kept.joints(source_id)]
    return _seconds_into(kept, source_id, times_ns, utc_ns)


def _seconds_into(kept: LastMinutes, source_id: str, times_ns: Sequence[int], wanted_ns: int) -> float:
    """Find the frame whose time is the nearest. times_ns: of each frame, by any clock."""
    joints = kept.joints(source_id)
    if wanted_ns < times_ns[0]:
        earlier_s, reach_s = (times_ns[0] - wanted_ns) / 1e9, (kept.asked_ns - joints[0].publish_time_ns) / 1e9
        raise DataError(
            f"the time is {earlier_s:.0f} s before what the pipeline keeps, which begins {reach_s:.0f} s ago; {_RECORD}"
        )
    away_ns, nearest = min((abs(time_ns - wanted_ns), index) for index, time_ns in enumerate(times_ns))
    if away_ns > _SLACK_S * 1e9:
        raise DataError(
            f"source {source_id} gave no frame at that time, the nearest is {away_ns / 1e9:.1f} s away; give another"
        )
    return (joints[nearest].capture_time_ns - joints[0].capture_time_ns) / 1e9


def _kept(kept: LastMinutes) -> str:
    return f"{kept.minutes:g} minutes"
