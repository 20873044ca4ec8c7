"""What the names of NTU RGB+D files say, and which splits test on them."""

import re
from dataclasses import dataclass
from pathlib import Path

from hitrs_live.errors import DataError
from hitrs_live.files.text_file import TextUnreadable, read_text

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.ASCII)
ACTIONS_60 = 60
LAST_ACTION = 120

TRAINING_SUBJECTS_60 = frozenset((1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38))
TRAINING_SUBJECTS_120 = TRAINING_SUBJECTS_60 | frozenset(
    (45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94,
     95, 97, 98, 100, 103)
)  # fmt: skip
TRAINING_CAMERAS = frozenset((2, 3))

SPLITS_60 = ("xsub60", "xview60")
SPLITS_120 = ("xsub120", "xset120", *SPLITS_60)
"""Cross-setup trains on the even setups. Those of 60 leave the later 60 actions out."""


@dataclass(frozen=True, kw_only=True)
class NtuName:
    """The numbers of SsssCcccPpppRrrrAaaa."""

    setup: int
    camera: int
    subject: int
    repetition: int
    action: int

    def test_of(self, splits: tuple[str, ...]) -> tuple[str, ...]:
        """Say which of the splits test on it."""
        tests = {
            "xsub60": self.action <= ACTIONS_60 and self.subject not in TRAINING_SUBJECTS_60,
            "xview60": self.action <= ACTIONS_60 and self.camera not in TRAINING_CAMERAS,
            "xsub120": self.subject not in TRAINING_SUBJECTS_120,
            "xset120": self.setup % 2 == 1,
        }
        return tuple(split for split in splits if tests[split])

    def left_out_of(self, splits: tuple[str, ...]) -> tuple[str, ...]:
        """Say which of the splits leave it out."""
        return tuple(split for split in splits if split in SPLITS_60 and self.action > ACTIONS_60)


def parse_name(stem: str) -> NtuName | None:
    """Read a file's name without its ending; None where it is not of that form, or of an action above 120."""
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    setup, camera, subject, repetition, action = (int(number) for number in match.groups())
    if not 1 <= action <= LAST_ACTION:
        return None
    return NtuName(setup=setup, camera=camera, subject=subject, repetition=repetition, action=action)


def read_missing(path: Path) -> frozenset[str]:
    """Read a list of samples with missing skeletons: one name a line; lines of other text are its heading.

    Raises DataError where it cannot be read or names nothing.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, TextUnreadable) as error:
        raise DataError(f"--missing {path}: cannot be read ({error}); give the authors' list") from None
    names = frozenset(name for line in lines if parse_name(name := line.strip().removesuffix(".skeleton")))
    if not names:
        raise DataError(f"--missing {path}: no line is a name such as S001C002P005R002A008; give the authors' list")
    return names
