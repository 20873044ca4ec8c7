"""Names of sources, fit to stand in a topic."""

import re

_ALLOWED = re.compile(r"[A-Za-z0-9_-]+")


def name_source(given: str, origin: str) -> str:
    """Return the name that was given, or make one from where the source comes from.

    Raise ValueError where the given name holds anything but letters, digits, '-' and '_'.
    """
    if given:
        if not _ALLOWED.fullmatch(given):
            raise ValueError(f"source_id: got {given!r}, wanted letters, digits, '-' and '_' only")
        return given
    return "-".join(_ALLOWED.findall(origin))[:48].strip("-") or "source"
