"""`hitrs-live teach missed`: add an action that a recording has and was not reported."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import not_negative
from hitrs_live.commands.teach_flags import action_name, add_folder


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="the action that was missed")
    parser.add_argument(
        "--at", type=_time, required=True, metavar="TIME",
        help="a time within it, seconds from the recording's first frame, or its interval, such as 12.5-14.2",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="recording", type=Path, required=True, metavar="FILE",
        help="recording of live --record (.mcap), or what else teach add reads",
    )  # fmt: skip
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
    from hitrs_live.teaching.recorded_people import read_people

    people = read_people(options.recording)
    interval, track = options.at, options.track
    if interval[0] == interval[1]:
        there = [one for one in people if one.start_s <= interval[0] < one.end_s and track in (None, one.name)]
        if len(there) != 1:
            names = ", ".join(one.name for one in there[:10])
            raise DataError(
                f"{options.recording.name}: {len(there)} people at {interval[0]:g} s, expected one"
                + (f"; choose with --track one of {names}" if there else "; give another time")
            )
        interval, track = movement_at(there[0], interval[0]), there[0].name
    (example,) = cut_examples(
        people, [interval], action=options.name, origin=options.recording.name, person=options.person, track=track
    )
    path = save_example(options.folder, example)
    print(
        f"{options.name}: {interval[0]:.1f} to {interval[1]:.1f} s, saved as {path}; "
        f"{len(read_examples(options.folder, options.name))} examples; next: hitrs-live teach fit"
    )
    return 0


def _time(text: str) -> tuple[float, float]:
    """Read a time, which is returned twice, or an interval."""
    from hitrs_live.teaching.add_examples import parse_intervals

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
