"""`hitrs-live teach wrong`: correct an event that was reported and is wrong."""

import argparse
from contextlib import ExitStack

from hitrs_live.commands.flags import count_or_none
from hitrs_live.commands.teach_flags import add_folder
from hitrs_live.commands.teach_pipeline_flags import add_pipeline, fetch


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument(
        "event_id", type=count_or_none, metavar="EVENT_ID",
        help="number of the event, its log_seq, as hitrs-live watch --json prints it",
    )  # fmt: skip
    add_pipeline(parser, file="recording of live --record in which it was reported (.mcap)")
    parser.add_argument("--person", default="", metavar="NAME", help="who is seen")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.process.line_writer import printable
    from hitrs_live.teaching.add_examples import cut_examples
    from hitrs_live.teaching.corrections import reported_action, track_of
    from hitrs_live.teaching.examples import check_name, save_correction, taught_names
    from hitrs_live.teaching.last_minutes import as_recording, source_of_event
    from hitrs_live.teaching.recorded_people import read_people

    with ExitStack() as stack:
        recording = options.recording
        if recording is None:
            kept = fetch(options)
            recording = stack.enter_context(as_recording(kept, source_of_event(kept, options.event_id)))
        action = reported_action(recording, options.event_id)
        taught = taught_names(options.folder)
        if action.label not in taught:
            raise DataError(
                f"event {options.event_id} is {printable(action.label[:60])}, which was not taught in "
                f"{options.folder}, expected one of {', '.join(taught) or 'no action yet'}; of a built-in class, leave "
                "it out with live --classes"
            )
        people = read_people(recording)
    (example,) = cut_examples(
        people, [(action.start_s, action.end_s)], action=check_name(action.label), origin=recording.name,
        person=options.person, track=track_of(action, people),
    )  # fmt: skip
    path = save_correction(options.folder, example)
    length_s = action.end_s - action.start_s
    when = f"{action.start_s:.1f} to {action.end_s:.1f} s" if options.recording is not None else f"{length_s:.1f} s"
    print(f"{action.label}, {when} of track {action.track_id}, is none: saved as {path}; next: hitrs-live teach fit")
    return 0
