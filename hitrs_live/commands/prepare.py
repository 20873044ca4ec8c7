"""`hitrs-live prepare`: convert a data set to the format that training reads."""

import argparse
from pathlib import Path
from typing import Any

from hitrs_live.commands.flags import positive, whole
from hitrs_live.prepare.readers import READERS, ReaderFlag


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add one subcommand per kind of data, with its flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for reader in READERS.values():
        one = _add_kind(kinds, reader.kind, "PATH" if reader.takes_file else "FOLDER", reader.text)
        one.add_argument("--workers", type=whole, metavar="N", help="reading processes (default: one per CPU)")
        for flag in reader.flags:
            _add_flag(one, flag)
    arrays = _add_kind(kinds, "arrays", "PATH", "an .npz in the array format, or a prepared folder")
    arrays.add_argument("--rate-hz", type=positive, metavar="HZ", help="frames per second to resample to")
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


def _add_flag(parser: argparse.ArgumentParser, flag: ReaderFlag) -> None:
    name = f"--{flag.name.replace('_', '-')}"
    if flag.takes is Path:
        parser.add_argument(name, type=Path, metavar="FILE", help=flag.text)
    else:
        parser.add_argument(name, type=positive, metavar=flag.name.rpartition("_")[2].upper(), help=flag.text)
