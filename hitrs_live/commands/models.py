"""`hitrs-live models`: show, assemble or download the pose model; list the classes of an action model."""

import argparse
import logging
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--fetch", action="store_true",
        help="assemble the model `full` now, from a wheel of the package registry (36 MB, once)",
    )  # fmt: skip
    parser.add_argument("--wheel", metavar="FILE", help="assemble it offline, from this wheel of mediapipe 0.10.21")
    parser.add_argument("--download", choices=("lite", "full", "heavy"), help="download an official model instead")
    parser.add_argument("--sha256", metavar="HEX", default="", help="the checksum that the download must have")
    parser.add_argument("--pose-model", metavar="FILE", help="also describe this .task file")
    parser.add_argument(
        "--classes", nargs="?", const="", metavar="FILE",
        help="list the classes of a detector instead, and which it reports by default (FILE: default the one shipped; "
        "hitrs_tiny_8 is the one before)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    if options.classes is not None:
        from hitrs_live.streaming.class_list import describe_classes

        print(*describe_classes(options.classes), sep="\n")
        return 0
    from hitrs_live.pose.mediapipe.models import (
        cache_folder,
        describe_file,
        describe_models,
        download_official,
        ensure_pose_model,
    )

    # Log what is fetched, and from where; the list itself goes to standard output.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.wheel or options.fetch:
        ensure_pose_model("full", wheel=Path(options.wheel) if options.wheel else None)
    if options.download:
        download_official(options.download, options.sha256)
    print(f"pose models in {cache_folder()}:")
    for status in describe_models():
        record = status.record
        more = f" ({record.size_bytes} bytes, sha256 {record.sha256})" if record is not None else ""
        print(f"{status.variant:<6} {status.note}{more}")
    if options.pose_model:
        print(describe_file(Path(options.pose_model)))
    return 0
