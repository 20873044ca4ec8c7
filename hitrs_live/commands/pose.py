"""`hitrs-live pose`: run the pose stage alone and publish joints."""

import argparse

from hitrs_live.commands.flags import seconds
from hitrs_live.commands.settings import OF_POSE, add_settings, settings
from hitrs_live.commands.source_flags import add_sources


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_sources(parser, pictures_only=True)
    add_settings(parser, read=OF_POSE, keep_others=True)
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after so many seconds")
    parser.add_argument("--wait-subscriber", type=seconds, metavar="S", help="hold the first frame until then")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.pipeline.app import run_pose

    return run_pose(options, settings(options))
