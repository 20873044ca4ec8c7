"""Read the gestures of Microsoft's LabanotationSuite: one CSV file per gesture, recorded with a Kinect v2.

A line of `Ges01_wavehand.csv` is a frame: a time in units of 100 nanoseconds, then for each of the Kinect's 25 joints,
which are ours, x y z in metres and a tracking state.
"""

import functools
import re
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.joint_checks import to_float32
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import at_rate, parse_table, read_lines, rising
from hitrs_live.skeleton import NTU25

SOURCE = "LabanotationSuite of Microsoft (Kinect v2), github.com/microsoft/LabanotationSuite; MIT licence"
RATE_HZ = 30.0
_TICKS_HZ = 1e7
_NAME = re.compile(r"Ges\d\d_(?P<gesture>\w+)", re.ASCII)


def plan_labanotation(folder: Path, *, name: str) -> Plan:
    """List the gestures under a folder; each is a class. Raises DataError where there is none."""
    files, left_out = find_named(folder, "*.csv", _NAME, "Ges01_wavehand.csv")
    labels = tuple(dict.fromkeys(path.stem.partition("_")[2] for path in files))
    index = Index(name=name, source=SOURCE, rate_hz=RATE_HZ, labels=labels, samples=())
    read = functools.partial(read_labanotation, labels=labels)
    return Plan(folder=folder, files=files, read=read, index=index, left_out=left_out)


def read_labanotation(path: Path, *, labels: tuple[str, ...]) -> Reading:
    """Read one gesture, resampled to 30 Hz by its times. Raises DataError, naming the line, on a damaged file."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DataError(f"{path}: unknown form of name, expected one such as Ges01_wavehand.csv")
    table = parse_table(path, read_lines(path, "a line per frame"), 1 + 4 * len(NTU25))
    kept = rising(path, table[:, 0])
    joints = to_float32(table[kept, 1:].reshape(-1, len(NTU25), 4)[..., :3])
    filled = fill_stream(path, joints)
    ours, places = at_rate(path, filled.joints, table[kept, 0], _TICKS_HZ / RATE_HZ)
    lost = filled.lost[np.round(places).astype(np.int64)]
    sample = Sample(name=match["gesture"], subject="laban1", bodies=())
    of_frame = np.where(lost, UNLABELLED, labels.index(match["gesture"])).astype(np.int16)
    counts = {"frames": len(ours), "lines whose time did not rise": len(table) - len(kept), **filled.counts}
    return Reading(recorded=(record(sample, [(0, ours)], [of_frame]),), findings=Findings(counts=counts))
