"""Locate this package's cache folder."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return this package's folder in the user's cache; it may not exist yet."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "hitrs_live"
