"""Write figures where a program reads them."""

import json
from pathlib import Path
from typing import Any

from hitrs_live.errors import DataError


def write_report(file: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, all or nothing. Raises DataError where it cannot be written."""
    unfinished = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise DataError(f"{file}: cannot be written ({error}); name another file with --json") from None
