"""`hitrs-live synthesise`: write labelled streams of synthetic motion."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import fraction, names, positive, seconds, seed


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder to write; a second run goes on there")
    parser.add_argument("--hours", type=positive, default=1.0, metavar="H", help="hours of motion (default: 1)")
    parser.add_argument("--classes", type=names, metavar="A,B", help="classes to label (default: all)")
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="seed of all draws (default: 0)")
    parser.add_argument("--seconds", type=seconds, default=90.0, metavar="S", help="length of one stream (default: 90)")
    parser.add_argument(
        "--falls", type=fraction, default=0.0, metavar="SHARE",
        help="share of the streams that end in a simulated fall or stumble (default: 0; needs the extra `physics`)",
    )  # fmt: skip
    parser.add_argument("--programs", type=Path, metavar="FILE", help="further action programs, TOML")
    parser.add_argument("--list", action="store_true", help="print the classes and write nothing")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.synthesis.run_synthesise import run_synthesise

    return run_synthesise(options)
