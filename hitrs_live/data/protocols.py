"""The known data sets in the array format: who is tested on, and what their files are silent about, as their rate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hitrs_live.data.shipped_classes import TEST_SUBJECTS

NW_UCLA_NAME: Final = re.compile(r"a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<episode>\d\d)_v(?P<view>\d\d)", re.ASCII)
"""Action, subject, episode and view of a Northwestern-UCLA sequence."""
NW_UCLA_ACTIONS: Final = {
    "01": "pick up with one hand",
    "02": "pick up with two hands",
    "03": "drop trash",
    "04": "walk around",
    "05": "sit down",
    "06": "stand up",
    "08": "donning",
    "09": "doffing",
    "11": "throw",
    "12": "carry",
}
"""By action number, in the order of the classes; 07 and 10 were never published."""
NW_UCLA_SPLITS: Final = ("xview", "xsub")
USUAL_RATE_HZ: Final = 30.0
"""A Kinect's, and the models'."""
NW_UCLA_RATE_HZ: Final = 12.0
"""Nobody wrote the rate down. At 12 frames a second those who walk around take 1.6 steps a second; at a Kinect's 30 it
would be 4, as many as a sprinter takes, each half a metre long."""

HELD_OUT: Final = "held-out"
XSUB: Final = "xsub"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One split of a data set by its people."""

    split: str
    test_subjects: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    """Names of sequences that neither train nor test."""
    rate_hz: float = USUAL_RATE_HZ
    """Frames a second, where the file is silent."""
    single_repetitions: bool = False
    """Whether each sequence is one repetition of an exercise, from rest to rest, cut out of a longer recording."""


PROTOCOLS: Final = {
    # 13_30 and 13_31 are in cmu_mocap6 too, there with a label for every frame.
    **{
        name: Protocol(
            split=HELD_OUT,
            test_subjects=subjects,
            left_out=frozenset({"13_30", "13_31"} if name == "cmu_bvh_01_14" else ()),
            single_repetitions=name == "ui_prmd_kinect",
        )
        for name, subjects in TEST_SUBJECTS.items()
    },
    # Without labels, for pre-training alone: nobody of it is tested on.
    "cmu_amc_01_03": Protocol(split=HELD_OUT),
    # Its frames are numbered, not timed, and every 4.4th number was recorded; its authors speak of about 15 frames a
    # second: so about 60 numbers. At 30 people would take 0.7 steps a second, and four seconds to sit down.
    "utkinect_streams": Protocol(
        split=XSUB, test_subjects=frozenset({"s06", "s07", "s08", "s09", "s10"}), rate_hz=60.0
    ),
    # Three people train and two test, as papers on these eleven actions have it; no paper's own choice of the two.
    "hdm05_11": Protocol(split=XSUB, test_subjects=frozenset({"bd", "tr"})),
}
"""By the file's name without its ending."""


def split_names(file_name: str, names: Sequence[str]) -> tuple[str, ...]:
    """List the splits of a file, by its name without ending and the names of its sequences."""
    if file_name in PROTOCOLS:
        return (PROTOCOLS[file_name].split,)
    return NW_UCLA_SPLITS if names and all(map(NW_UCLA_NAME.fullmatch, names)) else ()


def has_single_repetitions(file_name: str) -> bool:
    """Whether a file's sequences are single repetitions of an exercise, by its name without ending."""
    return file_name in PROTOCOLS and PROTOCOLS[file_name].single_repetitions


def usual_rate_hz(file_name: str, splits: Sequence[str]) -> float:
    """Say at how many frames a second a file is taken that does not tell, by its name without ending and its splits."""
    if file_name in PROTOCOLS:
        return PROTOCOLS[file_name].rate_hz
    return NW_UCLA_RATE_HZ if splits else USUAL_RATE_HZ


def splits_of(
    splits: tuple[str, ...], file_name: str, name: str, subject: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which of a file's splits test on a sequence, and which leave it out."""
    if file_name in PROTOCOLS:
        protocol = PROTOCOLS[file_name]
        return (splits if subject in protocol.test_subjects else ()), (splits if name in protocol.left_out else ())
    return (nw_ucla_tests(name) if splits else ()), ()


def nw_ucla_tests(name: str) -> tuple[str, ...]:
    """Say which of NW_UCLA_SPLITS test on a sequence: the third view, and the tenth subject.

    Raises ValueError where the name is not one of Northwestern-UCLA's.
    """
    match = NW_UCLA_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"got the name {name!r}, expected one such as a01_s01_e00_v01")
    tested = (match["view"] == "03", match["subject"] == "10")
    return tuple(split for split, tests in zip(NW_UCLA_SPLITS, tested, strict=True) if tests)
