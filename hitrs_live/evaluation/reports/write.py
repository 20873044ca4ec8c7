"""Write reports as JSON."""

import json
from pathlib import Path
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.streaming.thresholds import Thresholds


def about_run(
    checkpoint: Checkpoint, thresholds: Thresholds | None, update: str, *, mirror: bool, classes: str = ""
) -> dict[str, Any]:
    """Describe the detector and the settings of a run, for the head of a report.

    update: clip or frame, after which the model predicts; mirror: whether predictions were averaged with those for the
    mirror image; classes: the setting `action.classes`, of which a report says nothing where it is empty.
    """
    return {
        "checkpoint": {"name": checkpoint.info.name, "sha256": checkpoint.fingerprint},
        "update": update,
        "mirror": mirror,
        "tuned": thresholds is not None,
        **({"classes": classes} if classes else {}),
    }


def write_report(file: Path, report: dict[str, Any] | list[Any]) -> None:
    """Write a report as JSON, all or nothing. Raises DataError where it cannot be written."""
    try:
        with whole_file(file) as unfinished:
            unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({error}); give another file with --json") from None
