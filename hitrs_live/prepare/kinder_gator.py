"""Kinder-Gator: a CSV file a clip of one instruction, recorded with a Kinect v1.

Files are `POSE-p565_05-Bow-1469182474370.csv`: person, number, instruction, time; those of adults lie in `Adults`. A
heading names the columns: Timestamp in milliseconds, X, Y, Z of the twenty joints in metres, User-ID, Action.
"""

import functools
import re
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.kinect_v1 import JOINTS, NAMES, VALID, from_kinect_v1
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import at_rate, parse_table, read_lines, rising

SOURCE = (
    "Kinder-Gator of Aloba and others (Kinect v1), github.com/hayeesha/Kinder-Gator; licence unstated, measure only"
)
RATE_HZ = 30.0
_NAME = re.compile(r"POSE-p(?P<person>\d{1,5})_(?P<number>\d{1,3})-(?P<what>[\w-]+?)-+\d{5,}", re.ASCII)
_COLUMNS = ("Timestamp", *(f"{joint}{axis}" for joint in NAMES for axis in "XYZ"))


def plan_kinder_gator(folder: Path, *, name: str) -> Plan:
    """Find the clips under a folder; their instructions are the classes. Raises DataError where there is none."""
    files, left_out = find_named(folder, "*.csv", _NAME, "POSE-p565_05-Bow-1469182474370.csv")
    labels = tuple(sorted({_instruction(path) for path in files}))
    index = Index(name=name, source=SOURCE, rate_hz=RATE_HZ, labels=labels, valid=VALID, samples=())
    read = functools.partial(read_kinder_gator, labels=labels)
    return Plan(folder=folder, files=files, read=read, index=index, left_out=left_out)


def read_kinder_gator(path: Path, *, labels: tuple[str, ...]) -> Reading:
    """Read one clip, at 30 Hz by its timestamps. Raises DataError, naming the line, where the file is broken."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DataError(f"{path}: got that name, expected one such as POSE-p565_05-Bow-1469182474370.csv")
    heading, *lines = read_lines(path, "a heading and a line a frame") or [""]
    if tuple(word.strip() for word in heading.split(","))[: len(_COLUMNS)] != _COLUMNS:
        raise DataError(f"{path}, line 1: got {heading[:60]!r}, expected {','.join(_COLUMNS[:4])},...")
    # What follows the joints is text that the name has too.
    numbers = [",".join(line.split(",")[: len(_COLUMNS)]) for line in lines]
    table = parse_table(path, numbers, len(_COLUMNS), first_line=2)
    kept = rising(path, table[:, 0])
    filled = fill_stream(path, from_kinect_v1(table[kept, 1:].reshape(-1, JOINTS, 3)))
    joints, places = at_rate(path, filled.joints, table[kept, 0], 1000 / RATE_HZ)
    label = labels.index(_instruction(path))
    lost = filled.lost[np.round(places).astype(np.int64)]
    adult = "adults" in (part.lower() for part in path.parts)
    sample = Sample(
        name=f"p{match['person']}_{match['number']}_{_instruction(path)}",
        subject=f"{'a' if adult else 'c'}{match['person']}",
        bodies=(),
    )
    of_frame = np.where(lost, UNLABELLED, label).astype(np.int16)
    counts = {"frames": len(joints), "lines whose time did not rise": len(table) - len(kept), **filled.counts}
    return Reading(recorded=(record(sample, [(0, joints)], [of_frame]),), findings=Findings(counts=counts))


def _instruction(path: Path) -> str:
    match = _NAME.fullmatch(path.stem)
    return match["what"].lower().replace("-", "_") if match else ""
