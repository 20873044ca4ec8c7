"""The flags that name sources, in the order in which they are given."""

import argparse
from typing import Any


class _AddSource(argparse.Action):
    """Note another source as (kind, value), in the flags' order; a demo has no value."""

    def __call__(self, _parser: object, options: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        assert flag is not None
        # A new list: the old one may be the default.
        options.sources = [*options.sources, (flag.removeprefix("--"), value or "")]


def add_sources(parser: argparse.ArgumentParser, *, pictures_only: bool = False) -> None:
    """Add the flags that name sources. pictures_only: leave out those that give joints."""
    which = parser.add_argument_group("source (one)" if pictures_only else "sources (one or more, each flag again)")

    def add(flag: str, metavar: str, text: str) -> None:
        which.add_argument(flag, dest="sources", action=_AddSource, metavar=metavar, default=[], help=text)

    add("--camera", "N|URL", "a camera's number, or an rtsp:// or http:// (MJPEG) address")
    add("--video", "FILE", "a video file, every frame")
    if not pictures_only:
        add("--replay", "PATH", "NTU .skeleton files, or a recording of ours (.mcap)")
        add("--joints", "URL", "joints that `hitrs-live pose` publishes elsewhere")
        which.add_argument(
            "--demo", dest="sources", action=_AddSource, nargs=0, default=[],
            help="a synthetic person who does exercises; needs nothing",
        )  # fmt: skip
    parser.add_argument("--speed", choices=("real", "max"), default="real", help="pace of files (default: real)")
