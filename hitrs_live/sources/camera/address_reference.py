"""Read a camera's address, which may contain a login, from the environment or a file: `ps` shows command lines."""

import os
import stat
from collections.abc import Mapping
from typing import Final

from hitrs_live.errors import SourceUnavailable

_LONGEST: Final = 4096
_OTHERS: Final = 0o077


def resolve_address(value: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the address that a value refers to, as `env:NAME` or `file:PATH`; any other value as it is.

    A file has one line and may be read by its owner alone. Raises SourceUnavailable, without the address, where there
    is no such variable or file, or others may read it.
    """
    kind, separator, name = value.partition(":")
    if not separator or kind not in ("env", "file") or name.startswith("//"):
        return value
    if kind == "file":
        return _only_line(value, _read(value, name))
    if name not in environment:
        raise SourceUnavailable(
            f"camera {value}: there is no such environment variable; set it to the camera's address"
        )
    return _only_line(value, environment[name])


def _read(value: str, path: str) -> str:
    try:
        # Without O_NONBLOCK, opening a named pipe could wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise SourceUnavailable(f"camera {value}: is no file; give a file with the camera's address in it")
            if hasattr(os, "getuid") and (about.st_mode & _OTHERS or about.st_uid not in (0, os.getuid())):
                raise SourceUnavailable(
                    f"camera {value}: others may read it (mode {stat.S_IMODE(about.st_mode):04o}, owner "
                    f"{about.st_uid}), expected your own file of mode 0600; run chmod 600 {path}"
                )
            return file.read(_LONGEST + 1).decode()
    except UnicodeDecodeError:
        raise SourceUnavailable(f"camera {value}: is not UTF-8; expected one line, the camera's address") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no valid path"
        raise SourceUnavailable(f"camera {value}: cannot be read ({reason}); give a file with one line") from None


def _only_line(value: str, text: str) -> str:
    line = text.strip()
    if not line or len(text) > _LONGEST or not line.isprintable():
        raise SourceUnavailable(f"camera {value}: expected one line, the camera's address")
    return line
