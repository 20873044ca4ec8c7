"""Flags that the actions of `teach` share."""

import argparse
from pathlib import Path


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the teaching folder."""
    parser.add_argument(
        "--folder", type=Path, default=Path("actions"), metavar="FOLDER",
        help="teaching folder, with a folder of examples for each action (default: actions)",
    )  # fmt: skip


def action_name(text: str) -> str:
    """Read the name of an action from the command line."""
    from hitrs_live.teaching.examples import check_name

    try:
        return check_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
