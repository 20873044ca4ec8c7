"""Flags for where corrections come from: a running pipeline, or a recording of one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hitrs_live.transport.last_minutes import LastMinutes


def add_pipeline(parser: argparse.ArgumentParser, *, file: str) -> None:
    """Add the flags. file: what the recording may be, for the help."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--connect", metavar="URL", default="tcp://127.0.0.1:5556",
        help="running pipeline whose last minutes are used, by the address that it publishes on (default: "
        "tcp://127.0.0.1:5556)",
    )  # fmt: skip
    where.add_argument("--from", dest="recording", type=Path, metavar="FILE", help=f"{file}, instead of a pipeline")
    parser.add_argument("--secret-key", metavar="FILE", help="own secret key, for a pipeline that uses keys")
    parser.add_argument("--server-key", metavar="FILE", help="that pipeline's public key")


def fetch(options: argparse.Namespace) -> "LastMinutes":
    """Ask the pipeline that the flags name for its last minutes. Raises TransportError."""
    from hitrs_live.errors import TransportError
    from hitrs_live.transport.fetch_last_minutes import fetch_last_minutes
    from hitrs_live.wire.curve import ClientKeys

    keys = ClientKeys.load(options.secret_key, options.server_key)
    try:
        return fetch_last_minutes(options.connect, keys=keys)
    except TransportError as error:
        raise type(error)(f"{error}, or give a recording of live --record with --from") from None
