"""`hitrs-live render`: joint streams as people before virtual cameras, seen by the live pose stage."""

import argparse
import os
import re
from pathlib import Path

from hitrs_live.commands.flags import count, names, seconds, seed

_MOST_PIXELS = 4096


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="joint streams: .npz in the array format, folders of them, what `synthesise` wrote",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help="folder for the views, and for their joints in the array format; a second run goes on where one ended",
    )  # fmt: skip
    parser.add_argument("--views", type=count, default=4, metavar="N", help="cameras for each sequence (default: 4)")
    parser.add_argument("--subjects", type=names, metavar="A,B", help="people to render (default: all)")
    parser.add_argument(
        "--split", choices=("all", "train", "test"), default="all",
        help="of the known data sets: all people, those to train on, or those held out (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--sequences", type=count, metavar="N", help="sequences of each file, spread over its classes (default: all)"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        metavar="S",
        help="longest piece of a sequence, at a random place (default: all)",
    )
    parser.add_argument(
        "--size", type=_size, nargs="+", metavar="WxH",
        help="sizes of the pictures to choose from (default: 320x240 to 1920x1080)",
    )  # fmt: skip
    parser.add_argument(
        "--pose", action=argparse.BooleanOptionalAction, default=True,
        help="let the pose network see the pictures; otherwise only the truth is kept (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--film",
        type=Path,
        metavar="FILE",
        help="a short film to write of the first views, with what was seen drawn over",
    )
    parser.add_argument(
        "--workers", type=count, default=os.cpu_count() or 1, metavar="N", help="processes (default: one per CPU)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of bodies, places, cameras (default: 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.virtual_camera.run_render import run_render

    return run_render(options)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None or not all(64 <= int(side) <= _MOST_PIXELS for side in match.groups()):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected width and height of 64 to {_MOST_PIXELS} pixels, such as 640x480"
        )
    return int(match[1]), int(match[2])
