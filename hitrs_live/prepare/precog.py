"""PRECOG 2016: a CSV file a sequence, recorded with a Kinect v1, with an action on every frame.

A heading names the twenty joints, semicolons between; every line after it is a frame: `x y z` of each joint in
metres, and the number of the action, 0 where there is none.
"""

import re
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.protocols import HELD_OUT
from hitrs_live.data.shipped_classes import TEST_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.kinect_v1 import JOINTS, NAMES, VALID, from_kinect_v1
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import parse_table, read_lines

SOURCE = "PRECOG dataset 2016 of David Jardim (Kinect v1), github.com/DavidJardim/precog_dataset_16; MIT licence"
LABELS = (
    "background", "right_punch", "left_punch", "front_kick_right", "front_kick_left", "side_kick_right",
    "side_kick_left", "back_fist", "elbow_strike",
)  # fmt: skip
_NAME = re.compile(r"seq(?P<sequence>\d{1,3})_(?P<subject>\d{1,3})", re.IGNORECASE | re.ASCII)
_TESTED = TEST_SUBJECTS["precog16"]


def plan_precog(folder: Path, *, name: str) -> Plan:
    """Find the files SeqA_B.csv, sequence A of person B, under a folder. Raises DataError where there is none."""
    files, left_out = find_named(folder, "*.csv", _NAME, "Seq1_1.csv")
    index = Index(
        name=name, source=SOURCE, labels=LABELS, background=0, valid=VALID, splits=(HELD_OUT,), samples=()
    )  # fmt: skip
    return Plan(folder=folder, files=files, read=read_precog, index=index, left_out=left_out)


def read_precog(path: Path) -> Reading:
    """Read one sequence. Raises DataError, naming the line, where the file is broken."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DataError(f"{path}: got that name, expected one such as Seq1_1.csv")
    heading, *lines = read_lines(path, "a heading of joints and a line a frame") or [""]
    if tuple(word.strip() for word in heading.split(";")) != NAMES:
        raise DataError(f"{path}, line 1: got {heading[:60]!r}, expected the joints {'; '.join(NAMES[:3])}; ...")
    table = parse_table(path, lines, 3 * JOINTS + 1, first_line=2)
    actions = table[:, -1]
    wrong = ~np.isin(actions, range(len(LABELS)))
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(f"{path}, line {at + 2}: action {actions[at]:g}, expected 0 to {len(LABELS) - 1}")
    filled = fill_stream(path, from_kinect_v1(table[:, :-1].reshape(-1, JOINTS, 3)))
    subject = f"p{int(match['subject'])}"
    sample = Sample(
        name=f"seq{int(match['sequence'])}_{int(match['subject'])}",
        subject=subject,
        bodies=(),
        test_of=(HELD_OUT,) if subject in _TESTED else (),
    )
    labels = np.where(filled.lost, UNLABELLED, actions).astype(np.int16)
    counts = {"frames": len(labels), **filled.counts}
    return Reading(recorded=(record(sample, [(0, filled.joints)], [labels]),), findings=Findings(counts=counts))
