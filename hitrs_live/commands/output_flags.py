"""Flags for sinks and views, one for each line of SINKS and VIEWS."""

import argparse
from collections.abc import Mapping
from typing import Protocol


class _Kind(Protocol):
    """A line of such a table, as far as its flag is concerned."""

    @property
    def metavar(self) -> str | None: ...

    @property
    def text(self) -> str: ...


def add_outputs(parser: argparse.ArgumentParser, table: Mapping[str, _Kind]) -> None:
    """Add a flag for each line of a table."""
    for kind, line in table.items():
        if line.metavar is None:
            parser.add_argument(f"--{kind}", action="store_true", help=line.text)
        else:
            parser.add_argument(f"--{kind}", metavar=line.metavar, help=line.text)


def chosen_outputs(options: argparse.Namespace, table: Mapping[str, _Kind]) -> list[tuple[str, str]]:
    """Return the chosen kinds, each with its value; "" for a kind without a value."""
    values = {kind: getattr(options, kind.replace("-", "_")) for kind in table}
    return [(kind, "" if value is True else value) for kind, value in values.items() if value]
