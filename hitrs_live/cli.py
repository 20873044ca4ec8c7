"""The command line: one subcommand per verb. A verb's code is imported when it runs, so that --help is fast."""

import errno
import sys
from collections.abc import Sequence
from importlib import import_module

from hitrs_live.commands.calibrate import insert_default_kind
from hitrs_live.commands.parser import Parser
from hitrs_live.errors import HitrsLiveError
from hitrs_live.files.file_names import why_unusable
from hitrs_live.process.line_writer import fill_standard_streams, redirect_to_devnull, write_line
from hitrs_live.version import __version__

_USER_MISTAKE = 2
_OUTPUT_FAULTS = (errno.EPIPE, errno.ENOSPC, errno.EIO)
_READ_VERBS = ("config", "keys", "models", "watch")
"""Verbs that only print."""
_VERBS = (
    ("live", "run the pipeline: cameras or files in, action events out over ZeroMQ"),
    ("pose", "run pose estimation alone and publish joints for `live --joints`"),
    ("watch", "print the events of a running pipeline"),
    ("keys", "make and show the keys of encrypted publishing"),
    ("config", "print the effective settings, with comments"),
    ("models", "show or fetch the pose model; list the classes of an action model"),
    ("teach", "teach your own actions from a few repetitions"),
    ("build-engines", "build and check the fastest inference engine for this machine"),
    ("bench", "measure the model's speed here, by engine and precision"),
    ("replay", "measure throughput and accuracy on files, through the streaming path"),
    ("prepare", "convert a data set to the format that training reads"),
    ("synthesise", "write labelled streams of synthetic motion"),
    ("render", "render joint streams as people before virtual cameras, and let the pose stage see them"),
    ("pretrain", "pre-train an encoder without labels"),
    ("finetune", "train a classifier of trimmed sequences, from a pre-trained encoder or from scratch"),
    ("train-detector", "train the live model: action detection on streams, and motion prediction"),
    ("train-convolutions", "train convolutions beside a detector, a second opinion on the same joints"),
    ("train-forecaster", "train the motion prediction of a finished detector, or of an encoder alone"),
    ("train-pose-forecaster", "train on a published motion-prediction benchmark"),
    ("fit-joint-errors", "fit the model of live joint errors to rendered views"),
    ("fit-lifter", "fit the network that corrects lifted joints to rendered views"),
    ("bank", "keep hours of everything else as tokens: build a bank, add recordings, list it"),
    ("evaluate", "measure a checkpoint on held-out people or a public benchmark"),
    ("tune-thresholds", "choose detection thresholds for a rate of false alarms"),
    ("calibrate", "calibrate a camera, or the value ranges for int8"),
)
"""Every verb and its help. The module `commands.live` implements `live`, and so on: its function `add_flags(parser)`
adds the flags and sets `run`, a function that takes the parsed flags and returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 for success, 2 for a mistake that the user can correct."""
    fill_standard_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    if faults := [why for argument in arguments if (why := why_unusable(argument))]:
        write_line(f"hitrs-live: an argument cannot be used: {faults[0]}", sys.stderr)
        return _USER_MISTAKE
    options = build_parser().parse_line(insert_default_kind(arguments))
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except HitrsLiveError as error:
        write_line(f"hitrs-live: {error}", sys.stderr)
        return _USER_MISTAKE
    except OSError as error:
        return _end_without_output(options.verb, error)
    except KeyboardInterrupt:
        return 130
    return code


def _end_without_output(verb: str, error: OSError) -> int:
    """Return the exit code after a failed write to standard output; raise any other error again.

    A closed pipe is not an error for a verb that only prints.
    """
    if error.filename is not None or error.errno not in _OUTPUT_FAULTS:
        raise error
    redirect_to_devnull(sys.stdout)
    if isinstance(error, BrokenPipeError) and verb in _READ_VERBS:
        # The reader, such as `head`, has read enough.
        return 0
    write_line(
        f"hitrs-live: standard output cannot be written: {error.strerror}; use a writable file or pipe", sys.stderr
    )
    return _USER_MISTAKE


def build_parser() -> Parser:
    """Build the parser of every verb and flag."""
    parser = Parser(
        prog="hitrs-live",
        description="Detect actions of people in live camera streams and publish them as events.",
        epilog="To begin, run `hitrs-live live --demo`: it needs no camera. `hitrs-live VERB --help` lists the flags.",
    )
    parser.add_argument("--version", action="version", version=f"hitrs-live {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text in _VERBS:
        command = import_module(f"hitrs_live.commands.{name.replace('-', '_')}")
        command.add_flags(verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}."))
    return parser


if __name__ == "__main__":
    sys.exit(main())
