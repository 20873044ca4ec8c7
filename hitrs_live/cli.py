"""The command line: one verb a subcommand. What a verb needs is imported when it runs, so that --help is quick."""

import errno
import sys
from collections.abc import Sequence
from importlib import import_module

from hitrs_live.commands.calibrate import full_spelling
from hitrs_live.commands.parser import Parser
from hitrs_live.errors import HitrsLiveError
from hitrs_live.process.line_writer import fill_standard_streams, forget_stream, say
from hitrs_live.version import __version__

_USER_MISTAKE = 2
_OUTPUT_FAULTS = (errno.EPIPE, errno.ENOSPC, errno.EIO)
_READ_VERBS = ("config", "models", "watch")
"""Verbs that do nothing but print."""
_VERBS = (
    ("live", "run the pipeline: a source in, events out over ZeroMQ"),
    ("pose", "run the pose stage alone and publish joints, for `live --joints`"),
    ("watch", "print what a running pipeline publishes"),
    ("config", "print the effective settings, with comments"),
    ("models", "show or fetch the pose model"),
    ("build-engines", "build what computes the model fastest here, and try it"),
    ("bench", "measure what the model costs here, by engine and precision"),
    ("replay", "measure throughput and accuracy of files through the streaming path"),
    ("prepare", "read a data set once and keep it as training reads it"),
    ("pretrain", "pre-train an encoder without labels"),
    ("finetune", "train a recogniser, from a pre-trained encoder or from none"),
    ("train-detector", "train the live model: actions on streams, and motion"),
    ("train-forecaster", "train where joints go next, on a finished detector"),
    ("train-pose-forecaster", "train on a published motion-prediction benchmark"),
    ("evaluate", "measure a checkpoint on people it never saw"),
    ("tune-thresholds", "choose detection thresholds for a rate of false alarms"),
    ("calibrate", "measure a camera, or what ranges int8 has to cover"),
)
"""Every verb and its help. `live` is described and run by the module `commands.live`, and so on: each has a function
`add_flags(parser)`, which sets `run`, and that takes the flags and returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 for a clean end, 2 for what the user can correct."""
    fill_standard_streams()
    options = build_parser().parse_line(full_spelling(sys.argv[1:] if arguments is None else arguments))
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except HitrsLiveError as error:
        say(f"hitrs-live: {error}", sys.stderr)
        return _USER_MISTAKE
    except OSError as error:
        return _end_without_output(options.verb, error)
    except KeyboardInterrupt:
        return 130
    return code


def _end_without_output(verb: str, error: OSError) -> int:
    """End a verb whose output nobody takes: in peace where its output is all it is for. Raises any other error."""
    if error.filename is not None or error.errno not in _OUTPUT_FAULTS:
        raise error
    forget_stream(sys.stdout)
    if isinstance(error, BrokenPipeError) and verb in _READ_VERBS:
        # The reader has read enough, as `head` does.
        return 0
    say(f"hitrs-live: standard output cannot be written: {error.strerror}; give a file or a pipe that can", sys.stderr)
    return _USER_MISTAKE


def build_parser() -> Parser:
    """Describe every verb and flag."""
    parser = Parser(prog="hitrs-live", description="From cameras to action events, live.")
    parser.add_argument("--version", action="version", version=f"hitrs-live {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text in _VERBS:
        command = import_module(f"hitrs_live.commands.{name.replace('-', '_')}")
        command.add_flags(verbs.add_parser(name, help=text))
    return parser


if __name__ == "__main__":
    sys.exit(main())
