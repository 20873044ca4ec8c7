"""MSR Action3D: a text file an action, of a depth camera before the Kinect's own, at 15 Hz.

A line of `a01_s02_e03_skeleton3D.txt` is a joint: x y z in metres, in a Kinect's frame, and a confidence; twenty lines
are a frame, in an order of their own. Only these real-world files are read, not those in pixels (`_skeleton.txt`).
"""

import re
from pathlib import Path
from typing import Final

import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.protocols import XSUB
from hitrs_live.errors import DataError
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.kinect_v1 import JOINTS, VALID, from_kinect_v1
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import at_rate, parse_table, read_lines

SOURCE = "MSR Action3D of Li, Zhang and Liu, for research; brought from 15 to 30 Hz"
RECORDED_HZ, RATE_HZ = 15.0, 30.0
LABELS = (
    "high_arm_wave", "horizontal_arm_wave", "hammer", "hand_catch", "forward_punch", "high_throw", "draw_x",
    "draw_tick", "draw_circle", "hand_clap", "two_hand_wave", "side_boxing", "bend", "forward_kick", "side_kick",
    "jogging", "tennis_swing", "tennis_serve", "golf_swing", "pickup_throw",
)  # fmt: skip
_NAME = re.compile(r"(?P<name>a(?P<action>\d\d)_s(?P<subject>\d\d)_e\d\d)_skeleton3D", re.ASCII | re.IGNORECASE)
_ROWS: Final = (6, 3, 2, 19, 0, 7, 9, 11, 1, 8, 10, 12, 4, 13, 15, 17, 5, 14, 16, 18)
"""Where the joints of a Kinect v1, in its order, stand in a frame."""


def plan_msr_action3d(folder: Path, *, name: str) -> Plan:
    """Find the real-world files under a folder. Raises DataError where there is none."""
    files, left_out = find_named(folder, "*.txt", _NAME, "a01_s01_e01_skeleton3D.txt")
    index = Index(name=name, source=SOURCE, rate_hz=RATE_HZ, labels=LABELS, valid=VALID, splits=(XSUB,), samples=())
    return Plan(folder=folder, files=files, read=read_msr_action3d, index=index, left_out=left_out)


def read_msr_action3d(path: Path) -> Reading:
    """Read one action, at 30 Hz. People of even number are tested on. Raises DataError where the file is broken."""
    match = _NAME.fullmatch(path.stem)
    if match is None or not 1 <= int(match["action"]) <= len(LABELS):
        raise DataError(
            f"{path}: got that name, expected one such as a01_s01_e01_skeleton3D.txt, action 1 to {len(LABELS)}"
        )
    table = parse_table(path, read_lines(path, "a line a joint"), 4)
    if len(table) % JOINTS:
        raise DataError(f"{path}: {len(table)} lines, expected {JOINTS} a frame")
    filled = fill_stream(path, from_kinect_v1(table[:, :3].reshape(-1, JOINTS, 3)[:, list(_ROWS)]))
    joints, places = at_rate(path, filled.joints, np.arange(len(filled.joints)) / RECORDED_HZ, 1 / RATE_HZ)
    lost = filled.lost[np.round(places).astype(np.int64)]
    sample = Sample(
        name=match["name"].lower(),
        subject=f"s{match['subject']}",
        bodies=(),
        test_of=() if int(match["subject"]) % 2 else (XSUB,),
    )
    labels = np.where(lost, UNLABELLED, int(match["action"]) - 1).astype(np.int16)
    counts = {"frames": len(joints), **filled.counts}
    return Reading(recorded=(record(sample, [(0, joints)], [labels]),), findings=Findings(counts=counts))
