"""Read files with secrets, which must be closed to everyone but their owner."""

import os
import stat
from pathlib import Path
from typing import Final

_GROUP_AND_OTHERS: Final = 0o077
_GROUP_READS: Final = 0o040


class PrivateFileUnreadable(ValueError):
    """A file with a secret cannot be read, or others may read it. The message has no prefix and no content."""


def read_private_file(path: str, *, most_bytes: int) -> bytes:
    """Read the first most_bytes + 1 bytes of a file that its owner alone may read.

    Raises PrivateFileUnreadable where there is no such file, or others may read it.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe could wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise PrivateFileUnreadable("is no file")
            if hasattr(os, "getuid") and _is_open(path, about):
                raise PrivateFileUnreadable(
                    f"others may read it (mode {stat.S_IMODE(about.st_mode):04o}, owner {about.st_uid}), expected your "
                    f"own file of mode 0600; run chmod 600 {path}"
                )
            return file.read(most_bytes + 1)
    except OSError as error:
        raise PrivateFileUnreadable(f"cannot be read ({error.strerror})") from None


def _is_open(path: str, about: os.stat_result) -> bool:
    open_to = about.st_mode & _GROUP_AND_OTHERS
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if open_to == _GROUP_READS and about.st_uid == 0 and folder and Path(path).parent == Path(folder):
        # systemd lets the service's user read a credential by an access control list, whose mask is shown as the
        # group's permission; the folder is closed to everyone else.
        return False
    return bool(open_to) or about.st_uid not in (0, os.getuid())
