"""`hitrs-live teach missed`: add an action that happened and was not reported."""

import argparse
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from hitrs_live.commands.moments import Moment, moment
from hitrs_live.commands.teach_flags import action_name, add_folder
from hitrs_live.commands.teach_pipeline_flags import add_pipeline, fetch

if TYPE_CHECKING:
    from hitrs_live.transport.last_minutes import LastMinutes


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="the action that was missed")
    parser.add_argument(
        "--at", type=moment, required=True, metavar="TIME",
        help="a time within it: seconds before now, such as -8, or a time of day or date, such as 14:03:20 or what "
        "hitrs-live watch prints; with --from, seconds from the recording's first frame, or its interval: 12.5-14.2",
    )  # fmt: skip
    add_pipeline(parser, file="recording of live --record (.mcap), or what else teach add reads")
    parser.add_argument("--source", metavar="NAME", help="which of the pipeline's several sources")
    parser.add_argument("--track", metavar="TRACK", help="which of several people")
    parser.add_argument("--person", default="", metavar="NAME", help="who does it")
    add_folder(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.add_examples import cut_examples
    from hitrs_live.teaching.corrections import movement_at
    from hitrs_live.teaching.examples import read_examples, save_example
    from hitrs_live.teaching.last_minutes import as_recording, chosen_source
    from hitrs_live.teaching.needed_legs import unseen_legs_line
    from hitrs_live.teaching.recorded_people import read_people

    _check_time(options)
    track, recording = options.track, options.recording
    with ExitStack() as stack:
        if recording is None:
            kept = fetch(options)
            source_id = chosen_source(kept, options.source)
            at_s = _seconds_into(options.at, kept, source_id)
            interval, when, hint = (at_s, at_s), "then", ""
            recording = stack.enter_context(as_recording(kept, source_id))
        else:
            interval = options.at
            when, hint = f"at {interval[0]:g} s", f", or its interval, such as --at {_around(interval[0])}"
        people = read_people(recording)
    if interval[0] == interval[1]:
        there = [one for one in people if one.start_s <= interval[0] < one.end_s and track in (None, one.name)]
        if len(there) != 1:
            names = ", ".join(one.name for one in there[:10])
            raise DataError(
                f"{recording.name}: {len(there)} people {when}, expected one"
                + (f"; choose with --track one of {names}" if there else "; give another time")
            )
        found = movement_at(there[0], interval[0])
        if found is None:
            raise DataError(f"nothing moves {when}; give a time within the movement{hint}")
        interval, track = found, there[0].name
    (example,) = cut_examples(
        people, [interval], action=options.name, origin=recording.name, person=options.person, track=track
    )
    path = save_example(options.folder, example)
    cut = f"{interval[0]:.1f} to {interval[1]:.1f} s"
    if options.recording is None:
        cut = f"{interval[1] - interval[0]:.1f} s of movement"
    every = read_examples(options.folder, options.name)
    if line := unseen_legs_line(options.name, [example], every):
        print(line)
    print(f"{options.name}: {cut}, saved as {path}; {len(every)} examples; next: hitrs-live teach fit")
    return 0


def _around(at_s: float) -> str:
    return f"{max(at_s - 1, 0):g}-{at_s + 1:g}"


def _seconds_into(at: Moment, kept: "LastMinutes", source_id: str) -> float:
    """Return a time of the last minutes in seconds from their first frame."""
    from hitrs_live.teaching.last_minutes import seconds_at, seconds_into

    if isinstance(at, datetime):
        return seconds_at(kept, source_id, round(at.timestamp() * 1000) * 1_000_000)
    return seconds_into(kept, source_id, -at[0])


def _check_time(options: argparse.Namespace) -> None:
    """Refuse a time that does not fit what it is a time of, as the parser refuses other values."""
    at = options.at
    if options.recording is not None:
        if isinstance(at, datetime) or at[0] < 0:
            options.refuse("argument --at: with --from, expected seconds from the recording's first frame, 0 or more")
    elif not isinstance(at, datetime) and at[0] >= 0:
        options.refuse(
            f"argument --at: got {at[0]:g} without --from, expected seconds before now, such as -8, or a time of day"
        )
