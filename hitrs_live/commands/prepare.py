"""`hitrs-live prepare`: read a data set once and keep it as training reads it."""

import argparse
from pathlib import Path
from typing import Any

from hitrs_live.commands.flags import positive, whole
from hitrs_live.prepare.readers import READERS

_PREPARE_FLAGS: dict[str, dict[str, Any]] = {
    "missing": {"type": Path, "metavar": "FILE", "help": "the authors' list of bad samples"},
    "labels": {
        "type": Path, "metavar": "FILE", "help": "CSV: recording,track,start_s,end_s,label; no track is everybody"
    },
    "texts": {"type": Path, "metavar": "FILE", "help": "what is done in each recording, a line `01_02 walk` each"},
    "unit_m": {"type": positive, "metavar": "M", "help": "metres a unit (default: by the joints' names)"},
    "rate_hz": {"type": positive, "help": "frames a second: of an .amc (default: 120), or to bring recordings to"},
}  # fmt: skip
"""Flags of single kinds of data, by the names that READERS gives them."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for reader in READERS:
        one = _add_kind(kinds, reader.kind, "PATH" if reader.takes_file else "FOLDER", reader.text)
        one.add_argument("--workers", type=whole, help="processes that read (default: one a CPU)")
        for flag in reader.flags:
            one.add_argument(f"--{flag.replace('_', '-')}", **_PREPARE_FLAGS[flag])
    arrays = _add_kind(kinds, "arrays", "PATH", "an .npz in the array format, or a prepared folder")
    arrays.add_argument("--rate-hz", type=positive, help="frames a second to bring it to")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.prepare.run_prepare import run_prepare

    return run_prepare(options)


def _add_kind(kinds: Any, kind: str, path: str, text: str) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = kinds.add_parser(kind, help=text, description=text)
    one.add_argument("path", type=Path, metavar=path)
    one.add_argument("--out", type=Path, required=True, help="folder to write, or an .npz in the array format")
    one.add_argument("--overwrite", action="store_true", help="replace a prepared data set of that name")
    return one
