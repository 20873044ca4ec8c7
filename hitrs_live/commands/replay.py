"""`hitrs-live replay`: measure throughput and accuracy on files, through the streaming path."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import whole
from hitrs_live.commands.settings import OF_REPLAY, add_settings, settings


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument("folder", type=Path, help="folder of NTU RGB+D .skeleton files, searched recursively")
    parser.add_argument(
        "--bench", action="store_true", help="required: measure as fast as possible, many files in one batch"
    )
    parser.add_argument("--rows", type=whole, default=16, metavar="N", help="people in a batch (default: 16)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    add_settings(parser, read=OF_REPLAY)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.bench.run_replay import run_replay

    return run_replay(options, settings(options))
