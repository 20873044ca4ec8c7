"""`hitrs-live teach wrong`: correct an event that was reported and is wrong."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import count_or_none
from hitrs_live.commands.teach_flags import add_folder


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument(
        "event_id", type=count_or_none, metavar="EVENT_ID",
        help="number of the event, its log_seq, as hitrs-live watch --json prints it",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="recording", type=Path, required=True, metavar="REC.mcap",
        help="recording of live --record in which it was reported",
    )  # fmt: skip
    parser.add_argument("--person", default="", metavar="NAME", help="who is seen")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.add_examples import cut_examples
    from hitrs_live.teaching.corrections import reported_action
    from hitrs_live.teaching.examples import check_name, save_correction, taught_names
    from hitrs_live.teaching.recorded_people import read_people

    action = reported_action(options.recording, options.event_id)
    taught = taught_names(options.folder)
    if action.label not in taught:
        raise DataError(
            f"event {options.event_id} is {action.label}, which was not taught in {options.folder}, expected one of "
            f"{', '.join(taught) or 'no action yet'}; of a built-in class, leave it out with live --classes"
        )
    (example,) = cut_examples(
        read_people(options.recording), [(action.start_s, action.end_s)], action=check_name(action.label),
        origin=options.recording.name, person=options.person, track=str(action.track_id),
    )  # fmt: skip
    path = save_correction(options.folder, example)
    print(
        f"{action.label}, {action.start_s:.1f} to {action.end_s:.1f} s of track {action.track_id}, is none: "
        f"saved as {path}; next: hitrs-live teach fit"
    )
    return 0
