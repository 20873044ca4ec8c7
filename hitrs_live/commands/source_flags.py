"""The flags that name sources, one for each line of SOURCES, collected in the order in which they are given."""

import argparse
from typing import Any

from hitrs_live.sources.kinds import SOURCES


class _AddSource(argparse.Action):
    """Append a source as (kind, value), in the flags' order; a kind without a value has ""."""

    def __call__(self, _parser: object, options: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        assert flag is not None
        # A new list: the old one may be the default.
        options.sources = [*options.sources, (flag.removeprefix("--"), value or "")]


def add_sources(parser: argparse.ArgumentParser, *, pictures_only: bool = False) -> None:
    """Add the flags that name sources. pictures_only: leave out those that give joints."""
    group = parser.add_argument_group("source (one)" if pictures_only else "sources (one or more, each flag again)")
    for kind, line in SOURCES.items():
        if line.has_pictures or not pictures_only:
            value: dict[str, Any] = {"metavar": line.metavar} if line.metavar else {"nargs": 0}
            group.add_argument(f"--{kind}", dest="sources", action=_AddSource, default=[], help=line.text, **value)
    parser.add_argument("--speed", choices=("real", "max"), default="real", help="pace of files (default: real)")
