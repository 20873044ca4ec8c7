"""Read a camera's address, which may contain a login, from the environment or a file: `ps` shows command lines."""

import os
from collections.abc import Mapping
from typing import Final

from hitrs_live.errors import SourceUnavailable
from hitrs_live.files.private_file import PrivateFileUnreadable, read_private_file

_LONGEST: Final = 4096


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
        return read_private_file(path, most_bytes=_LONGEST).decode()
    except UnicodeDecodeError:
        raise SourceUnavailable(f"camera {value}: is not UTF-8; expected one line, the camera's address") from None
    except PrivateFileUnreadable as error:
        hint = "" if "expected" in str(error) else "; give a file with one line, the camera's address"
        raise SourceUnavailable(f"camera {value}: {error}{hint}") from None
    except ValueError:
        raise SourceUnavailable(f"camera {value}: no valid path; give a file with one line") from None


def _only_line(value: str, text: str) -> str:
    line = text.strip()
    if not line or len(text) > _LONGEST or not line.isprintable():
        raise SourceUnavailable(f"camera {value}: expected one line, the camera's address")
    return line
