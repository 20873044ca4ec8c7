"""Check the files that a run is to write, before anything is opened."""

import os
from collections.abc import Iterable
from pathlib import Path


def why_unwritable(file: Path) -> str | None:
    """Say why a file cannot be written where it is named, and what to do; None where it can be."""
    if file.is_dir():
        return "is a folder, wanted a file's name"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}; make it or give another name"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "may not be written; give a path that can be written"
    return None


def is_one_of(file: Path, others: Iterable[Path]) -> bool:
    """Tell whether a file is one of others, also by a link or another spelling. A folder holds its .skeleton files."""
    resolved = file.resolve()
    return any(
        resolved == (found := other.resolve())
        or (file.is_file() and found.is_file() and file.samefile(found))
        or (found.is_dir() and resolved.parent == found and resolved.suffix.lower() == ".skeleton")
        for other in others
    )
