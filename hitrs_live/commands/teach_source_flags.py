"""Flags for what `teach` records: a camera, or a file in its place."""

import argparse
from pathlib import Path


def add_teach_source(parser: argparse.ArgumentParser) -> None:
    """Add the flags for what is recorded: a camera, or a file in its place."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--camera", metavar="N|URL", help="a camera's number, address, or file:PATH, as `hitrs-live live --camera`"
    )
    where.add_argument(
        "--from", dest="recording", type=Path, metavar="FILE",
        help="recording of live --record (.mcap), .skeleton files, video, or .npz of labelled joints, without a camera",
    )  # fmt: skip


def teach_source(options: argparse.Namespace) -> tuple[str, str]:
    """Return the kind and the value of the source that the flags name."""
    from hitrs_live.teaching.joint_stream import file_source

    return ("camera", options.camera) if options.camera is not None else file_source(options.recording)
