"""Write figures where a program reads them."""

import json
from pathlib import Path
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.streaming.thresholds import Thresholds


def about_run(checkpoint: Checkpoint, thresholds: Thresholds | None, update: str, *, mirror: bool) -> dict[str, Any]:
    """Say which detector figures are of and how it ran, so that no two are taken for one.

    update: clip or frame; mirror: whether everybody was judged mirrored too.
    """
    return {
        "checkpoint": {"name": checkpoint.info.name, "sha256": checkpoint.fingerprint},
        "update": update,
        "mirror": mirror,
        "tuned": thresholds is not None,
    }


def write_report(file: Path, report: dict[str, Any] | list[Any]) -> None:
    """Write a report as JSON, all or nothing. Raises DataError where it cannot be written."""
    try:
        with whole_file(file) as unfinished:
            unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({error}); name another file with --json") from None
