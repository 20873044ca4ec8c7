"""Read the reports that tables are made of."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Report = dict[str, Any]


class ReportUnreadable(Exception):
    """A report is missing or no JSON. The text names the file."""


class Reports:
    """Read reports by name, each file once."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the JSON files."""
        self._folder = folder
        self._read: dict[str, Report] = {}

    def there(self, names: Iterable[str]) -> Iterator[Report]:
        """Give those of the reports that there are. Raises ReportUnreadable where one cannot be read."""
        return (self[name] for name in names if (self._folder / f"{name}.json").exists())

    def __getitem__(self, name: str) -> Report:
        """Return `NAME.json`. Raises ReportUnreadable."""
        if name not in self._read:
            path = self._folder / f"{name}.json"
            try:
                self._read[name] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ReportUnreadable(f"{path.name}: cannot be read ({error})") from None
        return self._read[name]
