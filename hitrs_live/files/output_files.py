"""Check the output files of a run before anything is opened."""

import os
from collections.abc import Iterable
from pathlib import Path


def why_unwritable(file: Path) -> str | None:
    """Return the reason why a file cannot be written, and the remedy; None if it can be."""
    if file.is_dir():
        return "is a folder, expected the name of a file"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}; create it or give another name"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "may not be written; give a path that can be written"
    return None


def is_one_of(file: Path, others: Iterable[Path]) -> bool:
    """Return whether a file is one of others, also through a link or another spelling.

    A folder among the others stands for its .skeleton files.
    """
    resolved = file.resolve()
    return any(
        resolved == (target := other.resolve())
        or (file.is_file() and target.is_file() and file.samefile(target))
        or (target.is_dir() and resolved.parent == target and resolved.suffix.lower() == ".skeleton")
        for other in others
    )
