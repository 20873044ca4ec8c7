"""`hitrs-live teach list`: what was taught."""

import argparse
import sys

from hitrs_live.commands.teach_flags import add_folder


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.process.line_writer import write_line
    from hitrs_live.teaching.action_settings import read_sequence, read_settings
    from hitrs_live.teaching.examples import RATE_HZ, read_corrections, read_examples, read_quiet, taught_names
    from hitrs_live.teaching.needed_legs import body_word, needs_legs
    from hitrs_live.teaching.taught_set import sequence_names

    names, sequences = taught_names(options.folder), sequence_names(options.folder)
    if not names and not sequences:
        write_line(f"{options.folder}: no action was taught; add examples with hitrs-live teach add", sys.stdout)
    for name in names:
        examples = read_examples(options.folder, name)
        people = sorted({one.person or "someone" for one in examples})
        length_s = sum(one.end - one.start for one in examples) / len(examples) / RATE_HZ
        wrong = len(read_corrections(options.folder, name))
        corrected = f", {wrong} corrections" if wrong else ""
        write_line(
            f"{name}: {read_settings(options.folder, name).kind}, {len(examples)} examples of {', '.join(people)}, "
            f"{length_s:.1f} s each, {body_word(needs_legs(examples))}{corrected}",
            sys.stdout,
        )
    for name in sequences:
        sequence = read_sequence(options.folder, name)
        if sequence is not None:
            write_line(f"{name}: sequence, {sequence.text()}", sys.stdout)
    quiet_s = sum(len(one.joints_m) for one in read_quiet(options.folder)) / RATE_HZ
    if names or quiet_s:
        write_line(f"quiet: {quiet_s / 60:.1f} minutes", sys.stdout)
    return 0
