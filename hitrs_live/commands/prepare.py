"""`hitrs-live prepare`: convert a data set to the format that training reads."""

import argparse
from pathlib import Path
from typing import Any

from hitrs_live.commands.flags import positive, whole
from hitrs_live.prepare.readers import READERS

_PREPARE_FLAGS: dict[str, dict[str, Any]] = {
    "missing": {"type": Path, "metavar": "FILE", "help": "the authors' list of bad samples, which are left out"},
    "labels": {
        "type": Path, "metavar": "FILE",
        "help": "CSV file with the columns recording,track,start_s,end_s,label; an empty track means all people",
    },
    "texts": {"type": Path, "metavar": "FILE", "help": "action of each recording, in lines such as `01_02 walk`"},
    "unit_m": {"type": positive, "metavar": "M", "help": "metres per unit (default: by the names of the joints)"},
    "rate_hz": {
        "type": positive, "metavar": "HZ",
        "help": "frame rate, Hz: of .amc files (default: 120), or the rate to resample recordings to",
    },
}  # fmt: skip
"""Flags of single kinds of data, by their names in READERS."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's kinds of data and their flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for reader in READERS:
        one = _add_kind(kinds, reader.kind, "PATH" if reader.takes_file else "FOLDER", reader.text)
        one.add_argument("--workers", type=whole, metavar="N", help="processes that read (default: one per CPU)")
        for flag in reader.flags:
            one.add_argument(f"--{flag.replace('_', '-')}", **_PREPARE_FLAGS[flag])
    arrays = _add_kind(kinds, "arrays", "PATH", "an .npz in the array format, or a prepared folder")
    arrays.add_argument("--rate-hz", type=positive, metavar="HZ", help="frame rate to resample it to, Hz")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.prepare.run_prepare import run_prepare

    return run_prepare(options)


def _add_kind(kinds: Any, kind: str, path: str, text: str) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = kinds.add_parser(kind, help=text, description=f"{text[0].upper()}{text[1:]}.")
    one.add_argument("path", type=Path, metavar=path, help="data to read")
    one.add_argument(
        "--out", type=Path, metavar="PATH", required=True, help="folder to write, or an .npz in the array format"
    )
    one.add_argument("--overwrite", action="store_true", help="replace an existing data set of that name")
    return one
