"""Check the output files of a run before anything is opened, and create them private to the user."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from hitrs_live.files.file_names import why_unusable

_PRIVATE: Final = 0o600


def why_unwritable(file: Path) -> str | None:
    """Return the reason why a file cannot be written, and the remedy; None if it can be."""
    if unusable := why_unusable(file):
        return unusable
    if _leads_to_a_file(file):
        return "is a symbolic link, which is not followed; remove it or give another name"
    if file.is_dir():
        return "is a folder, expected the name of a file"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}; create it or give another name"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "may not be written; give a path that can be written"
    return None


def create_private(file: Path, *, overwrite: bool, buffering: int = -1) -> BinaryIO:
    """Create a file that only its owner can read and write, whatever the umask, and open it for writing.

    overwrite: whether an ordinary file of that name is replaced. A symbolic link to a file is not followed, so that a
    name in a folder that others can write to leads to no other file. A device or pipe is opened as it is.

    Raises OSError: FileExistsError where there is one and overwrite is not set.
    """
    if overwrite and (file.is_symlink() or file.exists()):
        if _leads_to_a_file(file):
            raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed", str(file))
        if not file.is_file():
            return _open_device(file, buffering)
        file.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(file, flags, _PRIVATE), "wb", buffering)


def is_in_place(opened: BinaryIO, path: Path) -> bool:
    """Whether an open file still has its name: another program may have removed it, or its folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(opened.fileno()))
    except OSError:
        return False


def _leads_to_a_file(file: Path) -> bool:
    """Whether a name is a symbolic link to a file, or to one that would be created."""
    return file.is_symlink() and (file.is_file() or not file.exists())


def _open_device(file: Path, buffering: int) -> BinaryIO:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode) or stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no device", str(file))
    return os.fdopen(descriptor, "wb", buffering)


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
