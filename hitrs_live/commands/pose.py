"""`hitrs-live pose`: run pose estimation alone and publish joints."""

import argparse

from hitrs_live.commands.flags import seconds
from hitrs_live.commands.settings import OF_POSE, add_settings, settings
from hitrs_live.commands.source_flags import add_sources


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_sources(parser, pictures_only=True)
    add_settings(parser, read=OF_POSE, keep_others=True)
    parser.add_argument("--duration", type=seconds, metavar="S", help="stop after this many seconds")
    parser.add_argument(
        "--wait-subscriber", type=seconds, metavar="S", help="wait up to S seconds for a subscriber before the start"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.pipeline.app import run_pose

    return run_pose(options, settings(options))
