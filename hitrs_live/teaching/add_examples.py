"""Cut examples out of recordings by intervals in seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hitrs_live.errors import DataError
from hitrs_live.files.text_file import TextUnreadable, read_text
from hitrs_live.teaching.examples import LEAST_FRAMES, RATE_HZ, Example, utc_now
from hitrs_live.teaching.recorded_people import RecordedPerson

Interval = tuple[float, float]
_CONTEXT_S: Final = 3.0
"""Seconds of joints that are kept before and after a repetition."""
_MOST_INTERVALS: Final = 1000
_HOW: Final = "expected START-END in seconds, such as 3.2-5.1, with commas between"


def parse_intervals(text: str) -> list[Interval]:
    """Read intervals such as 3.2-5.1,7-8.6. Raises ValueError where one is none."""
    return [_interval(*part.partition("-")[::2]) for part in text.split(",")]


def read_intervals(path: Path) -> list[Interval]:
    """Read a CSV file with a start and an end in seconds a line; a first line of words is a heading.

    Raises DataError, naming the line, where one is none.
    """
    try:
        lines = read_text(path, most_bytes=2**20).splitlines()
    except TextUnreadable as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a CSV file of start and end") from None
    found = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells) or (number == 1 and not cells[0].replace(".", "", 1).isdigit()):
            continue
        try:
            found.append(_interval(*[*cells, ""][:2]))
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    if not found:
        raise DataError(f"{path}: no interval in it; expected a start and an end in seconds a line")
    return found


def cut_examples(
    people: Sequence[RecordedPerson],
    intervals: Sequence[Interval],
    *,
    action: str,
    origin: str,
    person: str = "",
    track: str | None = None,
) -> list[Example]:
    """Cut one example for each interval out of the people of a recording.

    person: the person's name; track: which of several people. Raises DataError where an interval has no person in it or
    several, or is too short.
    """
    if len(intervals) > _MOST_INTERVALS:
        raise DataError(f"{len(intervals)} intervals, expected at most {_MOST_INTERVALS}; add them in parts")
    return [_cut(people, one, action=action, origin=origin, person=person, track=track) for one in intervals]


def _cut(
    people: Sequence[RecordedPerson], interval: Interval, *, action: str, origin: str, person: str, track: str | None
) -> Example:
    start_s, end_s = interval
    slack_s = 1.5 / RATE_HZ
    there = [
        one
        for one in people
        if one.start_s <= start_s + slack_s and end_s <= one.end_s + slack_s and track in (None, one.name)
    ]
    if not there:
        spans = ", ".join(f"{one.name}: {one.start_s:.1f} to {one.end_s:.1f} s" for one in people[:5])
        raise DataError(
            f"{origin}: no one is seen throughout {start_s:g} to {end_s:g} s, expected one person; there are {spans}"
        )
    if len(there) > 1:
        names = ", ".join(one.name for one in there[:10])
        raise DataError(
            f"{origin}: {len(there)} people between {start_s:g} and {end_s:g} s, expected one; choose with --track one "
            f"of {names}"
        )
    (one,) = there
    start = max(round((start_s - one.start_s) * RATE_HZ), 0)
    end = min(round((end_s - one.start_s) * RATE_HZ), len(one.joints_m))
    if end - start < LEAST_FRAMES:
        raise DataError(
            f"{origin}: the interval {start_s:g}-{end_s:g} has {max(end - start, 0)} frames, expected at least "
            f"{LEAST_FRAMES}; give one of {LEAST_FRAMES / RATE_HZ:g} s or more"
        )
    context = round(_CONTEXT_S * RATE_HZ)
    first, last = max(start - context, 0), min(end + context, len(one.joints_m))
    try:
        return Example(
            action=action, joints_m=one.joints_m[first:last], confidence=one.confidence[first:last],
            start=start - first, end=end - first, person=person, origin=origin, created_utc=utc_now(),
        )  # fmt: skip
    except ValueError as error:
        raise DataError(f"{origin}, {start_s:g}-{end_s:g} s: {error}") from None


def _interval(start: str, end: str) -> Interval:
    try:
        start_s, end_s = float(start), float(end)
    except ValueError:
        raise ValueError(f"interval {f'{start}-{end}'[:60]!r}: {_HOW}") from None
    if not 0 <= start_s < end_s < 1e6:
        raise ValueError(f"interval {f'{start}-{end}'[:60]!r}: {_HOW}, the end after the start")
    return start_s, end_s
