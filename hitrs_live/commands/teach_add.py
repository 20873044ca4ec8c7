"""`hitrs-live teach add`: examples of an action from a recording, a video or labelled joints."""

import argparse
import sys
from pathlib import Path

from hitrs_live.commands.teach_flags import action_name, add_folder


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="name of the action")
    parser.add_argument(
        "--from", dest="recording", type=Path, required=True, metavar="FILE",
        help="recording of live --record (.mcap), .skeleton file, video, or .npz of labelled joints",
    )  # fmt: skip
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--intervals", type=_intervals, metavar="LIST",
        help="one interval for each repetition, seconds from the recording's first frame: 3.2-5.1,7-8.6",
    )  # fmt: skip
    where.add_argument("--csv", type=Path, metavar="FILE", help="the same as a file: start and end, one pair a line")
    parser.add_argument("--person", default="", metavar="NAME", help="who does it; others are measured by them")
    parser.add_argument("--track", metavar="TRACK", help="which of several people, or which sequence of an .npz")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.process.line_writer import write_line
    from hitrs_live.teaching.add_examples import cut_examples, read_intervals
    from hitrs_live.teaching.examples import RATE_HZ, read_examples, save_example
    from hitrs_live.teaching.needed_legs import unseen_legs_line
    from hitrs_live.teaching.recorded_people import read_people

    intervals = options.intervals or read_intervals(options.csv)
    people = read_people(options.recording)
    examples = cut_examples(
        people, intervals, action=options.name, origin=options.recording.name, person=options.person,
        track=options.track,
    )  # fmt: skip
    for (start_s, end_s), example in zip(intervals, examples, strict=True):
        path = save_example(options.folder, example)
        length_s = (example.end - example.start) / RATE_HZ
        write_line(f"{options.name}: {start_s:g} to {end_s:g} s ({length_s:.1f} s), saved as {path}", sys.stdout)
    every = read_examples(options.folder, options.name)
    if line := unseen_legs_line(options.name, examples, every):
        write_line(line, sys.stdout)
    write_line(f"{options.name}: {len(every)} examples; next: hitrs-live teach fit", sys.stdout)
    return 0


def _intervals(text: str) -> list[tuple[float, float]]:
    from hitrs_live.teaching.add_examples import parse_intervals

    try:
        return parse_intervals(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
