"""Make names of sources that are valid in a topic."""

import re

_ALLOWED = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 128


def name_source(given: str, origin: str) -> str:
    """Return the name that was given, or make one from the source's address, path or device.

    Raises ValueError where the given name contains anything but letters, digits, '-' and '_', or is too long.
    """
    if given:
        if not _ALLOWED.fullmatch(given) or len(given) > _LONGEST:
            raise ValueError(
                f"source_id: got {given[:80]!r}, expected letters, digits, '-' and '_' only, {_LONGEST} at most"
            )
        return given
    return "-".join(_ALLOWED.findall(origin))[:48].strip("-") or "source"
