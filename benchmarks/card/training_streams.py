"""List the sources of training streams with their hours and licences.

    python benchmarks/card/training_streams.py runs/streams runs/streams_augmented --json reports/training_streams.json

The folders are those of `hitrs-live bank streams` that `train-detector --streams` read.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hitrs_live.data.array_format import load_archive
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import DataError, HitrsLiveError
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.negative_bank.stream_files import source_of, stream_files


def list_streams(folders: list[Path]) -> dict[str, Any]:
    """Sum hours and streams by source, ready for JSON. Raises DataError where a folder has no streams."""
    sources: dict[str, dict[str, Any]] = {}
    recipes = []
    for folder in folders:
        files = stream_files(folder)
        if not files:
            raise DataError(f"{folder}: no streams; write some with: hitrs-live bank streams --out {folder}")
        for path in files:
            source, archive = source_of(path), load_archive(path)
            row = sources.setdefault(source, {"hours": 0.0, "streams": 0, "licence": archive.meta["licence"]})
            row["hours"] += float(archive.lengths.sum()) / RATE_HZ / 3600
            row["streams"] += len(archive.lengths)
        recipes.append(load_archive(files[0]).meta["recipe"])
    total = sum(row["hours"] for row in sources.values())
    rounded = {name: row | {"hours": round(row["hours"], 3)} for name, row in sorted(sources.items())}
    return {"hours": round(total, 3), "recipes": recipes, "sources": rounded}


def main() -> int:
    """Print the table and write the report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="of `hitrs-live bank streams`")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    try:
        report = list_streams(options.folders)
        if options.json:
            write_report(options.json, report)
    except HitrsLiveError as error:
        print(f"training_streams: {error}", file=sys.stderr)
        return 2
    table = Table("source", "hours", "streams", "licence", title=f"{report['hours']:.2f} hours")
    for name, row in report["sources"].items():
        table.add_row(name, f"{row['hours']:.2f}", str(row["streams"]), row["licence"])
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
