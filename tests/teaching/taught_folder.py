"""What the fixture `taught` gives."""

from dataclasses import dataclass
from pathlib import Path

from hitrs_live.teaching.fit import Fitted


@dataclass(frozen=True, kw_only=True)
class Taught:
    """A fit and the folder that it is of."""

    folder: Path
    fitted: Fitted
