"""Check the output files of a run before anything is opened, and create them private to the user."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from hitrs_live.files.file_names import why_unusable

_PRIVATE: Final = 0o600


def why_unwritable(file: Path) -> str | None:
    """Return the reason why a file cannot be written, and the remedy; None if it can be."""
    if unusable := why_unusable(file):
        return unusable
    if file.is_symlink():
        return f"is a symbolic link to {os.readlink(file)}, which is not followed; remove it or give another name"
    if file.is_dir():
        return "is a folder, expected the name of a file"
    if file.exists() and not file.is_file():
        return "is a device or pipe, expected the name of a file"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}; create it or give another name"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "may not be written; give a path that can be written"
    return None


def create_private(file: Path, *, overwrite: bool, buffering: int = -1) -> BinaryIO:
    """Create a file that only its owner can read and write, whatever the umask, and open it for writing.

    overwrite: whether an ordinary file of that name is emptied and made private. A symbolic link is never followed,
    so that a name in a folder that others can write to leads to no other file.

    Raises OSError: FileExistsError where there is one and overwrite is not set.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (0 if overwrite else os.O_EXCL)
    descriptor = os.open(file, flags, _PRIVATE)
    try:
        os.fchmod(descriptor, _PRIVATE)
        os.ftruncate(descriptor, 0)
        return os.fdopen(descriptor, "wb", buffering)
    except OSError:
        os.close(descriptor)
        raise


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
