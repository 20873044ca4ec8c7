"""`hitrs-live teach sequence`: an action made of actions that follow each other."""

import argparse
import sys

from hitrs_live.commands.flags import positive
from hitrs_live.commands.settings import add_settings, settings
from hitrs_live.commands.teach_flags import action_name, add_folder

_READ = ("model.checkpoint", "action.classes", "action.thresholds")
"""Settings that this reads."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="name of the sequence")
    parser.add_argument(
        "--steps", type=_listed, required=True, metavar="NAMES",
        help="taught actions, classes of the model or other sequences, in order, with commas",
    )  # fmt: skip
    parser.add_argument(
        "--within", type=_times, required=True, metavar="S",
        help="seconds from the end of a step to the beginning of the next, at most; with commas where they differ",
    )  # fmt: skip
    add_folder(parser)
    add_settings(parser, read=_READ)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.checkpoint import load_checkpoint
    from hitrs_live.errors import ConfigError
    from hitrs_live.process.line_writer import write_line
    from hitrs_live.streaming.thresholds import find_thresholds, reported_classes
    from hitrs_live.teaching.action_settings import save_sequence
    from hitrs_live.teaching.running_model import RunningModel
    from hitrs_live.teaching.step_sequence import make_sequence, unreported_steps
    from hitrs_live.teaching.taught_set import check_with_folder

    sequence = make_sequence(options.name, options.steps, options.within)
    config = settings(options)
    path = config.model.checkpoint or None
    checkpoint = load_checkpoint(path)
    thresholds = find_thresholds(config.action.thresholds, checkpoint, config.model.checkpoint).thresholds
    model = RunningModel.of(checkpoint, reported_classes(checkpoint.info.labels, config.action, thresholds))
    check_with_folder(options.folder, sequence, model)
    if lines := unreported_steps([sequence], model):
        raise ConfigError(lines[0])
    file = save_sequence(options.folder, sequence)
    write_line(f"{options.name}: {sequence.text()}; saved as {file}; next: hitrs-live teach fit", sys.stdout)
    return 0


def _listed(text: str) -> tuple[str, ...]:
    """Read names with commas."""
    return tuple(one.strip() for one in text.split(","))


def _times(text: str) -> tuple[float, ...]:
    """Read times with commas, seconds."""
    return tuple(positive(one.strip()) for one in text.split(","))
