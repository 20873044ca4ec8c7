"""UTKinect-Action3D: a text file of joints a stream, recorded with a Kinect v1, and one list of actions for all.

A line of `joints_s01_e02.txt` is a frame: its number, then x y z of the twenty joints in metres. Numbers rise by about
four from frame to frame, and some come twice. `actionLabel.txt` has the name of each stream, and after it a line an
action: `walk: 252 390`, the first and the last number; NaN where it was not done.
"""

import functools
import re
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.protocols import PROTOCOLS, XSUB
from hitrs_live.errors import DataError
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.intervals import Span, lay_out
from hitrs_live.prepare.kinect_v1 import JOINTS, VALID, from_kinect_v1
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import at_rate, parse_table, read_lines, rising

SOURCE = "UTKinect-Action3D of Xia, Chen and Aggarwal (Kinect v1), for research; frames by number, interpolated"
ACTIONS = ("walk", "sitDown", "standUp", "pickUp", "carry", "throw", "push", "pull", "waveHands", "clapHands")
LABELS = ("background", *ACTIONS)
LIST = "actionLabel.txt"
_NAME = re.compile(r"joints_(?P<stream>(?P<subject>s\d\d)_e\d\d)", re.ASCII)
_STREAM = re.compile(r"s\d\d_e\d\d", re.ASCII)
_LINE = re.compile(r"(?P<action>\w+)\s*:\s*(?P<first>\d{1,7}|nan)\s+(?P<last>\d{1,7}|nan)", re.IGNORECASE | re.ASCII)
_PROTOCOL = PROTOCOLS["utkinect_streams"]
Numbered = dict[str, tuple[Span, ...]]
"""By the stream's name: its actions, in numbers of frames."""


def plan_utkinect(folder: Path, *, name: str) -> Plan:
    """Find the streams and the list of actions under a folder. Raises DataError where either is missing."""
    files, left_out = find_named(folder, "*.txt", _NAME, "joints_s01_e01.txt")
    lists = sorted(folder.rglob(LIST))
    if len(lists) != 1:
        raise DataError(f"{folder}: {len(lists)} files {LIST}, expected the one that lists the actions")
    left_out.pop(str(lists[0].relative_to(folder)), None)
    actions = read_actions(lists[0])
    index = Index(
        name=name, source=SOURCE, rate_hz=_PROTOCOL.rate_hz, labels=LABELS, background=0, valid=VALID,
        splits=(XSUB,), samples=(),
    )  # fmt: skip
    read = functools.partial(read_utkinect, actions=actions)
    return Plan(folder=folder, files=files, read=read, index=index, depends_on=repr(actions), left_out=left_out)


def read_utkinect(path: Path, *, actions: Numbered) -> Reading:
    """Read one stream, a frame a number. Raises DataError, naming the line, where the file is broken."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DataError(f"{path}: got that name, expected one such as joints_s01_e01.txt")
    table = parse_table(path, read_lines(path, "a line a frame"), 1 + 3 * JOINTS)
    kept = rising(path, table[:, 0])
    filled = fill_stream(path, from_kinect_v1(table[kept, 1:].reshape(-1, JOINTS, 3)))
    numbers = table[kept, 0]
    joints, places = at_rate(path, filled.joints, numbers, 1.0)
    first = int(numbers[0])
    stream = match["stream"]
    spans = [
        Span(label=one.label, start=max(one.start - first, 0), end=max(one.end - first, 0))
        for one in actions.get(stream, ())
    ]
    laid = lay_out(spans, len(joints), names=LABELS)
    labels = np.where(filled.lost[np.round(places).astype(np.int64)], UNLABELLED, laid.labels).astype(np.int16)
    notes = laid.notes if stream in actions else (f"{LIST} does not name it",)
    sample = Sample(
        name=stream,
        subject=match["subject"],
        bodies=(),
        test_of=(XSUB,) if match["subject"] in _PROTOCOL.test_subjects else (),
    )
    counts = {"frames": len(joints), "lines of a number given before": len(table) - len(kept)}
    findings = Findings(
        counts={**counts, **filled.counts, **laid.counts}, notes={path.name: "; ".join(notes)} if notes else {}
    )
    return Reading(recorded=(record(sample, [(0, joints)], [labels]),), findings=findings)


def read_actions(path: Path) -> Numbered:
    """Read the list of actions. Raises DataError, naming the line, where it is broken."""
    found: dict[str, list[Span]] = {}
    stream = ""
    for number, line in enumerate(read_lines(path, "the actions of every stream"), start=1):
        if _STREAM.fullmatch(line.strip()):
            stream = line.strip()
            found.setdefault(stream, [])
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match["action"] not in ACTIONS or not stream:
            raise DataError(f"{path}, entry {number}: got {line[:48]!r}, expected s01_e01 or such as walk: 252 390")
        if "nan" not in (match["first"].lower(), match["last"].lower()):
            first, last = sorted((int(match["first"]), int(match["last"])))
            found[stream].append(Span(label=LABELS.index(match["action"]), start=first, end=last + 1))
    return {name: tuple(spans) for name, spans in found.items()}
