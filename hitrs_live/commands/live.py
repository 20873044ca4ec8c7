"""`hitrs-live live`: run the pipeline, from sources to events."""

import argparse

from hitrs_live.commands.flags import seconds
from hitrs_live.commands.output_flags import add_outputs, chosen_outputs
from hitrs_live.commands.settings import ALL, add_settings, settings
from hitrs_live.commands.source_flags import add_sources
from hitrs_live.transport.kinds import SINKS
from hitrs_live.views.kinds import VIEWS


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_sources(parser)
    add_settings(parser, read=ALL)
    add_outputs(parser, SINKS)
    parser.add_argument("--overwrite", action="store_true", help="let --record replace an existing file")
    parser.add_argument("--plain", action="store_true", help="write log lines instead of the dashboard")
    add_outputs(parser, VIEWS)
    parser.add_argument("--duration", type=seconds, metavar="S", help="stop after this many seconds")
    parser.add_argument(
        "--wait-subscriber", type=seconds, metavar="S", help="wait up to S seconds for a subscriber before the start"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.pipeline.app import run_live

    return run_live(
        options, settings(options), sinks=chosen_outputs(options, SINKS), views=chosen_outputs(options, VIEWS)
    )
