"""`hitrs-live teach missed`: add an action that happened and was not reported."""

import argparse
import re
from contextlib import ExitStack

from hitrs_live.commands.flags import not_negative
from hitrs_live.commands.teach_flags import action_name, add_folder
from hitrs_live.commands.teach_pipeline_flags import add_pipeline, fetch
from hitrs_live.errors import ConfigError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="the action that was missed")
    parser.add_argument(
        "--at", type=_time, required=True, metavar="TIME",
        help="a time within it, in seconds before now, such as -8; with --from, seconds from the recording's first "
        "frame, or its interval, such as 12.5-14.2",
    )  # fmt: skip
    add_pipeline(parser, file="recording of live --record (.mcap), or what else teach add reads")
    parser.add_argument("--source", metavar="NAME", help="which of the pipeline's several sources")
    parser.add_argument("--track", metavar="TRACK", help="which of several people")
    parser.add_argument("--person", default="", metavar="NAME", help="who does it")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.add_examples import cut_examples
    from hitrs_live.teaching.corrections import movement_at
    from hitrs_live.teaching.examples import read_examples, save_example
    from hitrs_live.teaching.last_minutes import as_recording, chosen_source, seconds_into
    from hitrs_live.teaching.recorded_people import read_people

    interval, track, recording = options.at, options.track, options.recording
    _check_time(options)
    with ExitStack() as stack:
        when, hint = f"at {interval[0]:g} s", f", or its interval, such as --at {_around(interval[0])}"
        if recording is None:
            kept = fetch(options)
            source_id, ago_s = chosen_source(kept, options.source), -interval[0]
            at_s = seconds_into(kept, source_id, ago_s)
            interval, when, hint = (at_s, at_s), f"{ago_s:g} s ago", ""
            recording = stack.enter_context(as_recording(kept, source_id))
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
    length_s = interval[1] - interval[0]
    cut = f"{interval[0]:.1f} to {interval[1]:.1f} s" if options.recording is not None else f"{length_s:.1f} s of it"
    print(
        f"{options.name}: {cut}, saved as {path}; "
        f"{len(read_examples(options.folder, options.name))} examples; next: hitrs-live teach fit"
    )
    return 0


def _around(at_s: float) -> str:
    return f"{max(at_s - 1, 0):g}-{at_s + 1:g}"


def _check_time(options: argparse.Namespace) -> None:
    """Refuse a time that does not fit what it is a time of. Raises ConfigError."""
    start_s, end_s = options.at
    if options.recording is None and start_s >= 0:
        raise ConfigError(
            f"--at {start_s:g}: of a running pipeline, expected seconds before now, such as --at -8; or give a "
            "recording with --from"
        )
    if options.recording is not None and end_s < 0:
        raise ConfigError(
            f"--at {start_s:g}: with --from, expected seconds from the recording's first frame, 0 or more"
        )


def _time(text: str) -> tuple[float, float]:
    """Read a time, which is returned twice, or an interval. A time before now is negative."""
    from hitrs_live.teaching.add_examples import parse_intervals

    if re.fullmatch(r"-(\d{1,6}|\d{0,6}\.\d{1,6})", text):
        return float(text), float(text)
    try:
        at_s = not_negative(text)
    except argparse.ArgumentTypeError:
        if "-" not in text.lstrip("-"):
            raise
    else:
        return at_s, at_s
    try:
        (interval,) = parse_intervals(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return interval
