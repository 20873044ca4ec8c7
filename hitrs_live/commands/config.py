"""`hitrs-live config`: print the effective settings."""

import argparse

from hitrs_live.commands.settings import ALL, add_settings, settings


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_settings(parser, read=ALL)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.config import render_config

    print(render_config(settings(options)), end="")
    return 0
